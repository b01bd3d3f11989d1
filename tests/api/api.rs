//! The public API of every published crate, in a file beside this one: whoever changes the one has to
//! change the other, and to mean it. Read from the source, so that any toolchain will do.
//!
//! What changes only in what the compiler finds out is not seen: `Send` and `Sync`, and the layout of
//! types.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "Rust has much that is not in use here")]

mod full;
mod names;
mod print;
mod text;
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use names::Names;
use tree::Tree;

/// The published crates and where they are.
const CRATES: &[(&str, &str)] = &[
    ("mongrel2-transceiver", "."),
    ("mongrel2-transceiver-adapter", "adapters/common"),
    ("mongrel2-transceiver-memory", "adapters/memory"),
    ("mongrel2-transceiver-smol", "adapters/smol"),
    ("mongrel2-transceiver-threads", "adapters/threads"),
    ("mongrel2-transceiver-tokio", "adapters/tokio"),
];

#[test]
fn the_public_api_is_what_the_files_say() {
    let mut changes = String::new();
    for (name, folder) in CRATES {
        let source = root().join(folder).join("src");
        let now = listing(&|path| fs::read_to_string(source.join(path)).ok());
        let file = root().join("tests/api").join(format!("{name}.txt"));
        if env::var_os("API_UPDATE").is_some() {
            fs::write(&file, &now).unwrap();
            continue;
        }
        let before = fs::read_to_string(&file).unwrap_or_default();
        if before != now {
            changes += &format!("\n{name}:\n{}", difference(&before, &now));
        }
    }
    assert!(
        changes.is_empty(),
        "the public API has changed:\n{changes}\nIf that is meant, say it in CHANGELOG.md, and renew \
         the files with: API_UPDATE=1 cargo test --test api"
    );
}

/// Whoever publishes one more crate adds it to the table.
#[test]
fn every_published_crate_is_listed() {
    let mut folders = vec![".".to_owned()];
    for entry in fs::read_dir(root().join("adapters")).unwrap() {
        let name = entry.unwrap().file_name();
        folders.push(format!("adapters/{}", name.to_str().unwrap()));
    }
    folders.retain(|folder| root().join(folder).join("Cargo.toml").exists());
    let listed: BTreeSet<_> = CRATES.iter().map(|(_, folder)| (*folder).to_owned()).collect();
    assert_eq!(folders.into_iter().collect::<BTreeSet<_>>(), listed);
}

#[test]
fn what_others_can_reach_is_listed_and_nothing_else() {
    let files = [
        (
            "lib.rs",
            "pub mod open;
             mod shut;
             pub use shut::{Shown as Seen, read};
             pub use bytes::Bytes;
             pub(crate) use shut::Kept;
             #[cfg(test)] pub mod tests { pub fn unseen() {} }",
        ),
        ("open.rs", "mod deep; pub use self::deep::*; pub const MOST: usize = 3;"),
        (
            "open/deep.rs",
            "use std::io; use super::super::shut::{Shown, Kept};
             #[derive(Clone)] #[non_exhaustive]
             pub enum Choice { One, Two(io::Error), Three { shown: Shown } }
             pub trait Does<T>: Sized { type Out; fn does(&mut self, it: T,) -> Self::Out; fn may(&self) {} }
             impl Does<u8> for Shown { type Out = (); fn does(&mut self, _: u8) {} }
             impl Does<u8> for Kept { type Out = (); fn does(&mut self, _: u8) {} }",
        ),
        (
            "shut/mod.rs",
            "pub struct Shown<T = u8> { pub a: Option<Kept>, b: T }
             pub struct Kept(pub u8);
             pub fn read() {} fn shut() {}
             #[cfg(feature = \"x\")]
             impl<T: Clone> Shown<T> {
                 #[must_use] pub const fn b(&self, mut n: [u8; 2]) -> &'_ T where T: Copy { &self.b }
                 fn c(&self) {}
             }",
        ),
    ];
    let read = |path: &Path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned())
    };
    let expected = "\
pub use bytes::Bytes as Bytes
pub struct Seen<T = u8> { .. }
#[cfg(feature = \"x\")] pub const fn Seen::b(&self, n: [u8; 2]) -> &'_ T where T: Copy (impl<T: Clone> Seen<T>)
pub Seen::a: Option<crate::shut::Kept>
impl open::Does<u8> for Seen { type Out = () }
pub mod open
#[non_exhaustive] pub enum open::Choice
open::Choice::One
open::Choice::Three { shown: Seen }
open::Choice::Two(std::io::Error)
impl Clone for open::Choice
pub trait open::Does<T>: Sized
fn open::Does::does(&mut self, it: T) -> Self::Out
fn open::Does::may(&self) { .. }
type open::Does::Out
pub const open::MOST: usize
pub fn read()
";
    assert_eq!(listing(&read), expected);
    assert_eq!(difference("a\nb\nb\n", "b\nc\n"), "- a\n- b\n+ c\n");
}

/// The public API of a crate, whose files are found by their paths below `src`.
fn listing(read: &dyn Fn(&Path) -> Option<String>) -> String {
    let tree = Tree::read(read);
    let names = Names::new(&tree);
    print::lines(&full::with_full_names(&tree, &names), &names)
        .iter()
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The lines that are gone, and those that are new.
fn difference(before: &str, now: &str) -> String {
    let without = |all: &str, others: &str, sign| {
        let mut left: Vec<&str> = others.lines().collect();
        let mut changed = String::new();
        for line in all.lines() {
            match left.iter().position(|other| *other == line) {
                Some(at) => drop(left.remove(at)),
                None => changed += &format!("{sign} {line}\n"),
            }
        }
        changed
    };
    without(before, now, '-') + &without(now, before, '+')
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
