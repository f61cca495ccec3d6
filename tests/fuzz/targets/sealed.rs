//! Targets for encrypted collections: rows of a server, sealed content, and the local notes about both.

use super::merging::draft;
use super::*;
use essaim::pure::crypto::encoding::base64url;
use essaim::pure::crypto::key::MasterKey;
use essaim::pure::json;
use essaim::pure::merge::Strategy;
use essaim::pure::record::{RecordId, Row, Status};
use essaim::pure::report::Report;
use essaim::pure::sealed::chain::{Next, View};
use essaim::pure::sealed::change::Change;
use essaim::pure::sealed::held::Held;
use essaim::pure::sealed::home::{Head, Home, PageNote, is_of_journal};
use essaim::pure::sealed::known::{self, Known};
use essaim::pure::sealed::meet::{Arrival, Incoming};
use essaim::pure::sealed::meeting::{Decoded, Meeting};
use essaim::pure::sealed::page::Kind;
use essaim::pure::sealed::reconcile::{Lost, Reconcile};
use essaim::pure::sealed::run::{self, Run, settle_passed};
use essaim::pure::sealed::seal::{Hash, Seal};
use essaim::pure::sealed::snapshot::{History, Ledger, Snapshot, digest, read_hashes, read_history, read_segment_into};
use essaim::pure::sealed::stray::{Strays, Words};
use essaim::pure::sealed::survey::{Survey, follow};
use essaim::pure::sealed::{change as changes, group, item as items, page as pages};
use essaim::pure::state::{self, State};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub static SEAL: LazyLock<Seal> = LazyLock::new(|| Seal::new(&MasterKey::new([7; 32]).derive_journal("tasks")));

const HASH: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn page_of(prev: &str, list: &str) -> String {
    format!("{{\"prev\":\"{prev}\",\"d\":\"device\",\"t\":1767225600000,\"k\":\"changes\",\"c\":[{list}]}}")
}

pub fn sealed_page(position: u64, list: &str) -> Vec<u8> {
    SEAL.seal_page(position, &page_of(HASH, list), [5; 24])
}

fn row(position: u64, ct: &[u8]) -> String {
    format!(
        "{{\"id\":\"{}\",\"v\":1,\"e\":1,\"ct\":\"{}\",\"last_modified\":{position}}}",
        items::page_id(position),
        base64url(ct)
    )
}

/// Pages of a chain, from the first one on.
fn chain(count: u64) -> Vec<String> {
    let mut prev = Hash::default();
    let page = |position: u64| {
        let text = page_of(&prev.to_text(), &format!("[\"a{position}\",{{\"n\":1}}]"));
        let ct = SEAL.seal_page(position, &text, [5; 24]);
        prev = SEAL.chain_hash(position, &ct);
        row(position, &ct)
    };
    (1..=count).map(page).collect()
}

const EMPTIED: &str = r#"{"id":"p000000000042","v":1,"last_modified":7}"#;
const MALFORMED: &str = r#"{"id":"p000000000043","v":1,"e":1,"ct":"AAAA","last_modified":8}"#;
const SEGMENT: &str = r#"{"id":"s-AAAAAAAAAAAAAA00000001","v":1,"e":1,"ct":"AAAA","last_modified":9}"#;
const HISTORY: &str = r#"{"id":"s-AAAAAAAAAAAAAA00000002","v":1,"e":1,"history":"AAAA","last_modified":9}"#;

pub fn item() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            if let Some(item) = items::read(text) {
                assert_eq!(item.raw, text);
            }
        });
    }
    Target::json("item", read, [EMPTIED, MALFORMED, SEGMENT, HISTORY, r#"{"id":"p000000000001","deleted":true}"#])
}

/// A listing, which is followed from different known heads.
pub fn view() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let mut view = View::default();
            for item in json::elements(text).into_iter().flatten().filter_map(items::read) {
                view.add(item);
            }
            for start in [0, 2, 41] {
                let mut head = Head {
                    position: start,
                    hash: Hash::default(),
                };
                let _ = view.shows(&head, |position| (position % 2 == 0).then_some(Hash::default()), &SEAL);
                while let Ok(Next::Page(opened)) = view.next(&head, &SEAL) {
                    assert!(opened.head.position > head.position);
                    head = opened.head;
                }
                let _ = (
                    view.ends_void(&head),
                    view.first_missing(&head),
                    view.latest_snapshot(&head, u64::MAX, &SEAL).is_ok(),
                );
            }
            for item in json::elements(text).into_iter().flatten().filter_map(items::read).take(200) {
                if let items::Name::Segment(id) = &item.name {
                    assert!(view.segment(id).is_some());
                }
                view.add_again(item, &SEAL);
            }
            let positions: Vec<u64> = view.pages().map(|(position, _)| position).collect();
            assert!(positions.is_sorted());
        });
    }
    let mut rows = chain(3);
    rows.extend([EMPTIED, MALFORMED, SEGMENT, HISTORY].map(str::to_owned));
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let grown = Shape::new("many pages that follow", |n| {
        list(&chain(n as u64 / 1500 + 1).iter().map(String::as_str).collect::<Vec<_>>()).into_bytes()
    });
    let mut target = Target::json("view", read, [list(&rows), list(&[EMPTIED, MALFORMED, SEGMENT])]).grows([grown]);
    target.memory = (100, 1 << 20);
    target
}

const SNAPSHOT: &str = r#"{"prev":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","d":"device","t":1767225600000,"k":"snapshot","segments":[["s-AAAAAAAAAAAAAA00000001","AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",3]],"covered":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",null],"history":[["s-AAAAAAAAAAAAAA00000002","AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",1,7]],"digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;

/// The plaintext of a page.
pub fn page_text() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            let Some(page) = pages::read(text) else { return };
            if page.kind != Kind::Unknown {
                let again = pages::read(&page.write(None)).expect("what was written is read");
                assert_eq!((again.prev, again.t), (page.prev, page.t));
            }
        });
    }
    let changes = page_of(HASH, "[\"a1\",{\"n\": 1,\"x\":\"\\ud800\"}],[\"a2\",null]");
    let closed = format!("{{\"prev\":\"{HASH}\",\"d\":\"device\",\"t\":1,\"k\":\"closed\",\"destination\":{{\"remote\":\"http://x/v1\"}}}}");
    Target::json("page_text", read, [changes, SNAPSHOT.to_owned(), closed])
}

pub fn snapshot() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let Some(snapshot) = Snapshot::read(text) else { return };
            for at in [0, 3, 10, u64::MAX] {
                let _ = (
                    snapshot.first_covered(at),
                    snapshot.is_whole(at),
                    snapshot.hash_of(at, at / 2),
                    snapshot.hash_of(at, u64::MAX),
                );
            }
            let mut out = String::from("{\"k\":1");
            snapshot.write(&mut out);
            out.push('}');
            if json::validate(&out).is_ok() {
                assert!(Snapshot::read(&out).is_some());
            }
        });
    }
    Target::json("snapshot", read, [SNAPSHOT])
}

/// The hashes in a history segment, and the list of such segments.
pub fn history() -> Target {
    fn read(bytes: &[u8]) {
        for (first, last) in [(1, bytes.len() as u64 / 32), (0, u64::MAX), (5, 3)] {
            let entry = History {
                id: "s-A".into(),
                hash: Hash::default(),
                first,
                last,
            };
            let _ = read_hashes(&entry, bytes);
        }
        as_text(bytes, |text| drop(read_history(text)));
    }
    let list = format!("[[\"s-AAAAAAAAAAAAAA00000002\",\"{HASH}\",1,4096]]");
    Target::bytes("history", read, [vec![0; 64], vec![7; 96], list.clone().into_bytes()])
        .grows(growth::of_json(&list))
        .grows([Shape::new("many hashes", |n| vec![7; n / 32 * 32])])
}

pub fn segment() -> Target {
    fn read(bytes: &[u8]) {
        as_text(bytes, |text| {
            let count = json::elements(text).map_or(0, Iterator::count);
            let mut ledger = Ledger::new();
            if read_segment_into(&mut ledger, text, count).is_some() {
                assert_eq!(ledger.len(), count);
                let _ = digest(ledger.iter());
            }
        });
    }
    let entries = list(&[r#"["a1",42,1767225600000,{"n": 1}]"#, r#"["a2",43,1,{}]"#]);
    Target::json("segment", read, [entries])
}

/// The notes about the chain: its state, pages, and deferred changes.
pub fn home() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let home = Home::read(text);
            assert_eq!(Home::read(&home.to_json()), home);
            let _ = home.cursor.is_vouched_for(5);
            let page = PageNote::read(text);
            let _ = (page.to_json(), Held::read(text).map(|held| held.to_json()), is_of_journal(text));
        });
    }
    let home = format!(
        "{{\"position\":42,\"hash\":\"{HASH}\",\"t\":1,\"snapshot\":40,\"covered_from\":3,\"history\":[[\"s-A\",\"{HASH}\",1,2]],\"live_bytes\":1,\"page_bytes\":2,\"closed\":{{\"remote\":\"x\"}},\"url\":\"http://x\",\"since\":5,\"etag\":6,\"read_at\":7,\"confirmed\":true}}"
    );
    let page = format!("{{\"hash\":\"{HASH}\",\"t\":5,\"device\":\"d\",\"kind\":\"changes\",\"bytes\":7}}");
    let held = r#"{"open":true,"position":3,"t":17,"c":["a1",{"x":1}]}"#;
    Target::json("home", read, [home, page, held.to_owned()])
}

/// All notes of a journal as they are on disk: `{"<name>": <note>}`. The JSON text of each value is the note.
pub fn notes() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let mut state = State::default();
            for (name, note) in json::members(text).into_iter().flatten() {
                if let Some(name) = json::string(name) {
                    state.apply(state::Change::Note(name.into_owned(), Some(note.to_owned())));
                }
            }
            let known = Known::of(&state);
            let _ = (
                known.hash(42),
                known.open().count(),
                known::ledger(&state).len(),
                known::pages(&state).len(),
                known::groups(&state).len(),
            );
            let mut draft = essaim::pure::draft::Draft::new(Rc::new(RefCell::new(state)));
            let mut run = Run::new(known.home.clone());
            run.forget_below = Some(50);
            run.pages = (60..70).map(|position| (position, PageNote::void())).collect();
            let mut report = Report::default();
            for pending in &known.pending {
                let _ = pending.settle(&mut draft, 5, &Default::default(), None);
            }
            run::settle_all(&run.acknowledged, &mut draft, &mut report, None);
            run.write_notes(&mut draft, None);
            settle_passed(&mut draft, 100, None);
            let _ = essaim::pure::operations::reset_sync_status(&mut draft);
        });
    }
    let seed = format!(
        "{{\"journal\":{{\"position\":42,\"snapshot\":1}},\"page 000000000042\":{{\"hash\":\"{HASH}\",\"t\":5,\"device\":\"d\",\"kind\":\"changes\",\"bytes\":7}},\"held \\\"a1\\\"\":{{\"open\":true,\"position\":3,\"t\":17,\"c\":[\"a1\",{{\"x\":1}}]}},\"group 1\":[\"a1\",\"a2\"],\"pending {HASH}\":{{\"position\":43,\"records\":[[\"a1\",\"+AAAA\"],[\"a2\",\"-\"]]}}}}"
    );
    Target::json("notes", read, [seed])
}

pub fn change() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            if let Some(change) = Change::read(text) {
                let mut out = String::new();
                change.write(&mut out);
                assert!(json::validate(&out).is_ok() && Change::read(&out) == Some(change));
            }
            let _ = (changes::read_entry(text), changes::read_time(text));
        });
    }
    Target::json("change", read, [r#"["a1",{"n": 1}]"#, r#"["a2",null]"#, r#"["a1",42,1767225600000,{"n": 1}]"#])
}

fn arrivals_of(text: &str) -> Vec<Arrival> {
    let read = json::elements(text).into_iter().flatten().filter_map(Change::read);
    read.enumerate()
        .map(|(index, change)| Arrival {
            change,
            position: index as u64 + 1,
            t: 5,
        })
        .collect()
}

/// Remote changes that are merged with local records, in a pull and in a repair.
pub fn arrivals() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let arrivals = arrivals_of(text);
            let decoded = |arrival: &Arrival| match Incoming::read(arrival, &arrival.to_json()) {
                Ok(incoming) => Decoded::Incoming(incoming),
                Err(error) => Decoded::Failed(error.to_string()),
            };
            for strategy in [Strategy::Manual, Strategy::ClientWins, Strategy::ServerWins, Strategy::PullOnly] {
                let mut draft = draft(&[]);
                for arrival in arrivals.iter().filter(|arrival| arrival.position % 2 == 0) {
                    draft.put(&arrival.change.id, Row::new("\"here\":1", Status::Updated, Some(3)));
                }
                let local_fields = Rc::new(vec!["n".to_owned()]);
                let meeting = Meeting {
                    strategy,
                    local_fields: local_fields.clone(),
                    without: None,
                    decoded: arrivals.iter().map(|arrival| (arrival.clone(), decoded(arrival))).collect(),
                };
                let mut report = Report::default();
                let conflicts = meeting.all(&mut draft, &mut report);
                assert!(conflicts.len() <= arrivals.len() && json::validate(&report.to_json()).is_ok());
                let mut there: Vec<_> = arrivals
                    .iter()
                    .map(|arrival| (arrival.clone(), Incoming::read(arrival, &arrival.to_json())))
                    .collect();
                there.sort_by(|one, other| one.0.change.id.cmp(&other.0.change.id));
                let reconcile = Reconcile {
                    there,
                    common: 3,
                    head: 9,
                    t: 9,
                    strategy,
                    local_fields,
                    hidden: BTreeSet::new(),
                    told: Vec::new(),
                    words: Words::default(),
                    device: String::new(),
                    ledger: Ledger::new(),
                    lost: Lost {
                        deleted: Default::default(),
                        acknowledged: Vec::new(),
                        pages: BTreeMap::new(),
                        common: 3,
                        without: None,
                    },
                    published: Vec::new(),
                };
                let _ = reconcile.all(&mut draft);
            }
        });
    }
    let mut target = Target::json("arrivals", read, [list(&[r#"["a1",{"n": 1,"x":"\ud800"}]"#, r#"["a2",null]"#, r#"["a3",{}]"#])]);
    target.memory = (300, 1 << 18);
    target
}

/// A whole listing, as a repair reads it (a server scan).
pub fn survey() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let mut view = View::default();
            for item in json::elements(text).into_iter().flatten().filter_map(items::read) {
                view.add_again(item, &SEAL);
            }
            let Ok(survey) = Survey::of(&view, 2, &SEAL) else { return };
            let _ = survey.taken_after(1);
            let followed = follow(Home::default(), |_| None, |_| None, survey.opened.clone());
            let head = followed.run.after.head.position;
            let words = Words::new(followed.inside.iter(), &[], &BTreeMap::new(), head, None);
            let chain = followed.inside.iter().map(|opened| (opened.head.hash, opened.head.position)).collect();
            let strays = Strays::new(followed.strays, &chain, &BTreeMap::new(), 0, None);
            let _ = strays.sort(&words, &Ledger::new());
        });
    }
    let mut rows = chain(3);
    rows.extend([row(7, &sealed_page(7, "[\"a1\",{\"n\":1}],[\"a2\",null]")), EMPTIED.into(), MALFORMED.into()]);
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let followed = Shape::new("many pages that follow", |n| {
        list(&chain(n as u64 / 1500 + 1).iter().map(String::as_str).collect::<Vec<_>>()).into_bytes()
    });
    let strays = Shape::new("many strays after a long page", |n| {
        let mut rows = chain(2);
        let many: String = (0..n / 40).map(|number| format!("[\"b{number}\",{{\"n\":1}}],")).collect();
        rows.extend((0..n as u64 / 3000).map(|number| row(number + 3, &sealed_page(number + 3, &format!("[\"s{number}\",{{}}]")))));
        rows.push(row(900_000, &sealed_page(900_000, &format!("{many}[\"z\",null]"))));
        list(&rows.iter().map(String::as_str).collect::<Vec<_>>()).into_bytes()
    });
    let mut target = Target::json("survey", read, [list(&rows)]).grows([followed, strays]);
    target.memory = (100, 1 << 20);
    target
}

/// Which records go into the same page, according to the groups that `execute` noted.
pub fn groups() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let ids = |raw: &str| {
                json::elements(raw)
                    .into_iter()
                    .flatten()
                    .filter_map(|id| RecordId::read(id).ok())
                    .collect::<BTreeSet<_>>()
            };
            let groups: Vec<BTreeSet<RecordId>> = json::elements(text).into_iter().flatten().map(ids).collect();
            let all: BTreeSet<RecordId> = groups.iter().flatten().cloned().collect();
            let records: Vec<(&RecordId, usize)> = all.iter().map(|id| (id, 10)).collect();
            let pages = group::pages(&records, &groups, 100);
            assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), records.len());
        });
    }
    Target::json("groups", read, [r#"[["a1","a2"],["a2","a3"],["a4"]]"#])
}
