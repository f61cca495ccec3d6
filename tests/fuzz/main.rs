//! Fuzzes all code that reads bytes of a server, of the disk, of an archive or of a key, with random inputs and with growing ones. No input
//! may cause a panic, more than linear time, or more memory than the input justifies.
//!
//! `make fuzz` spends ten minutes on each target, and measures coverage; `cargo test --test fuzz` spends one minute on all targets.
//! `FUZZ_SECONDS`: the time for each target. `FUZZ_SEED`: selects other inputs. `corpus/<target>/` contains every input that ever failed.
#![cfg(not(target_arch = "wasm32"))]

mod alloc;
mod bytes;
mod clock;
mod coverage;
mod dice;
mod growth;
mod json;
mod runner;
mod targets;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

macro_rules! targets {
    ($($module:ident: $($name:ident),*;)*) => {
        $(mod $module {
            $(#[test]
            fn $name() {
                crate::runner::run(crate::targets::$module::$name());
            })*
        })*
    };
}

targets! {
    text: json_text, equality, record, record_id, members;
    answers: accepted, refused, listing, pages, batch, hello, headers, addresses, exchange;
    merging: merge, conflict, report, cursor, hidden_note;
    disk: page, entry, head, journal, fold;
    migration: kinto_js, leftovers, migration_note, dump;
    query: filters, listed;
    sealed: item, view, page_text, snapshot, history, segment, home, notes, change, arrivals, survey, groups;
    crypto: key, envelope, base64url, opened;
}
