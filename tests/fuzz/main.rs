//! Everything that reads bytes of a server, of the disk, of an archive or of a key, on inputs by chance and on inputs that grow:
//! no panic, no more than linear time, no more memory than the input justifies.
//!
//! `make fuzz` gives each target ten minutes, and counts coverage; `cargo test --test fuzz` all of them a minute.
//! `FUZZ_SECONDS`: for each target. `FUZZ_SEED`: other inputs. `corpus/<target>/` has every input that ever failed.
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
