//! Targets that merge a server's record with the local one, and that read notes of how far a server was read.

use super::*;
use essaim::pure::cursor::Cursor;
use essaim::pure::draft::Draft;
use essaim::pure::merge::{Side, Strategy, conflict as conflict_of, meet};
use essaim::pure::record::{RecordId, Row, Sent, Status};
use essaim::pure::report::{List, Report};
use essaim::pure::resolve::resolve;
use essaim::pure::state::{Change, State};
use essaim::pure::walk::Walk;
use essaim::pure::{answers, hidden, json};
use std::cell::RefCell;
use std::rc::Rc;

const STRATEGIES: [Strategy; 4] = [Strategy::Manual, Strategy::ClientWins, Strategy::ServerWins, Strategy::PullOnly];

pub fn draft(notes: &[(&str, &str)]) -> Draft {
    let mut state = State::default();
    for (name, text) in notes {
        state.apply(Change::Note((*name).to_owned(), Some((*text).to_owned())));
    }
    Draft::new(Rc::new(RefCell::new(state)))
}

pub fn merge() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let Ok(remote) = answers::read_remote(text) else { return };
            let local_fields = ["n".to_owned()];
            let own = Row::new("\"title\":\"here\",\"n\":2", Status::Synced, Some(5));
            let same = Row::new(remote.body.clone(), Status::Updated, Some(5));
            let reordered: String = json::body_members(&remote.body).map(|(key, value)| format!("{key}: {value},")).collect();
            let other = Row::new(format!("{reordered}\"n\":3"), Status::Updated, Some(5));
            let sent = Row {
                sent: Some(Sent::Body(remote.body.clone())),
                ..own.clone()
            };
            for status in [Status::Synced, Status::Created, Status::Updated, Status::Deleted] {
                for local in [&own, &same, &other, &sent] {
                    let local = Row { status, ..local.clone() };
                    for strategy in STRATEGIES {
                        let outcome = meet(Some(&local), &remote, strategy, &local_fields);
                        assert!(outcome.entry.is_none_or(|(_, entry)| json::validate(&entry).is_ok()));
                        let _ = conflict_of(&local, Some(&remote), &remote.id, strategy, Side::Outgoing, &local_fields);
                    }
                }
            }
            let _ = meet(None, &remote, Strategy::Manual, &local_fields);
        });
    }
    let mut target = Target::json("merge", read, [RECORD, TOMBSTONE]);
    // Four rows are kept at a time.
    target.memory = (150, 1 << 18);
    target
}

pub fn conflict() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            for resolution in [
                json::member(text, "local"),
                json::member(text, "remote"),
                Some("null"),
                Some("{\"id\":\"a1\",\"x\":1}"),
            ]
            .into_iter()
            .flatten()
            {
                let mut draft = draft(&[("held \"a1\"", "{\"open\":true,\"position\":3,\"t\":17,\"c\":[\"a1\",{\"x\":1}]}")]);
                draft.put(&RecordId::from_text("a1"), Row::new("\"x\":2", Status::Updated, Some(7)));
                if let Ok((id, row)) = resolve(&mut draft, text, resolution, &["n".to_owned()]) {
                    let json = row.to_json(&id);
                    assert!(json::validate(&json).is_ok(), "{json}");
                }
            }
        });
    }
    Target::json(
        "conflict",
        read,
        [
            format!("{{\"type\":\"incoming\",\"local\":{RECORD},\"remote\":{TOMBSTONE}}}"),
            format!("{{\"type\":\"outgoing\",\"local\":{RECORD},\"remote\":null}}"),
        ],
    )
}

/// The entries of one step of a sync, and of the next one.
pub fn report() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let lists = [List::Conflicts, List::Errors, List::Conflicts, List::Updated];
            let entries: Vec<_> = json::elements(text).into_iter().flatten().zip(lists.iter().cycle()).collect();
            let of = |skipped: usize| {
                let mut report = Report::default();
                entries.iter().skip(skipped).for_each(|(entry, list)| report.add(**list, (*entry).to_owned()));
                report
            };
            let mut whole = of(0);
            whole.extend(of(1));
            assert!(json::validate(&whole.to_json()).is_ok());
            let _ = (whole.is_unfinished(), whole.count(List::Conflicts), whole.of(List::Errors).count());
        });
    }
    let conflict = format!("{{\"type\":\"incoming\",\"local\":{RECORD},\"remote\":null}}");
    Target::json("report", read, [list(&[&conflict, "{\"type\":\"incoming\"}", &conflict])])
}

/// The note of a cursor, and a listing that is read from there.
pub fn cursor() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let cursor = Cursor::read(json::member(text, "cursor").unwrap_or(text));
            assert_eq!(Cursor::read(&cursor.to_json()).since.is_some(), cursor.since.is_some());
            let _ = cursor.ask_since();
            let mut walk = Walk::new(cursor, true, 1_767_225_600_000);
            walk.note_timestamp(json::member(text, "etag").and_then(json::number).map(|ms| ms as u64));
            for row in json::member(text, "rows").and_then(json::elements).into_iter().flatten() {
                let version = answers::version(row);
                let is_news = walk.is_news(row);
                let _ = walk.has_to_look(version.as_ref().map(|(_, at)| *at), is_news, !is_news, false);
                walk.passed(version.as_ref(), walk.is_old(version.as_ref()));
            }
            let _ = (walk.only_if_changed(), walk.committed().to_json(), walk.finished(1_767_225_600_000).to_json());
        });
    }
    let note = r#"{"since":1767225600000,"witness":"a1","witness_at":1767225600000,"etag":1767225600000,"read_at":1767225600000,"confirmed":true}"#;
    Target::json(
        "cursor",
        read,
        [
            format!("{{\"cursor\":{note},\"etag\":1767225600001,\"rows\":{}}}", list(&[RECORD, TOMBSTONE])),
            note.to_owned(),
        ],
    )
}

/// The notes of records that were removed here: `{"<id>": version}`.
pub fn hidden_note() -> Target {
    fn read(bytes: &[u8]) {
        as_json(bytes, |text| {
            let mut state = State::default();
            for (id, at) in json::members(text).into_iter().flatten() {
                state.apply(Change::Note(format!("hidden {id}"), Some(at.to_owned())));
            }
            assert!(hidden::versions(&state).count() <= state.notes.len());
            let mut draft = Draft::new(Rc::new(RefCell::new(state)));
            hidden::hide(&mut draft, &RecordId::from_text("a1"), &Row::new("", Status::Synced, Some(5)));
            hidden::forget(
                &mut draft,
                &Cursor {
                    since: Some(3),
                    ..Cursor::default()
                },
            );
        });
    }
    Target::json("hidden_note", read, [r#"{"a1":1767225600000,"a2":5}"#])
}
