//! The rules of the house that no compiler checks: which room may use which, what the core may not
//! name, and how long a file may be. Each finding names its file and line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/`, each with those it may use. A room uses only rooms above its own line, so
/// that there is no circle.
const ROOMS: &[(&str, &[&str])] = &[
    ("endpoint", &[]),
    ("segments", &[]),
    ("rng", &[]),
    ("planted", &[]),
    ("machine", &["endpoint", "segments"]),
    ("zmtp", &["segments", "planted"]),
    ("mongrel2", &["segments"]),
    ("websocket", &["segments", "rng"]),
    ("introduction", &["endpoint", "mongrel2"]),
    ("client", &["rng", "mongrel2", "websocket"]),
    ("socket", &["endpoint", "segments", "rng", "planted", "machine", "zmtp"]),
    (
        "transceiver",
        &[
            "endpoint",
            "segments",
            "rng",
            "planted",
            "machine",
            "zmtp",
            "mongrel2",
            "websocket",
            "introduction",
            "socket",
        ],
    ),
    (
        "tier",
        &[
            "endpoint",
            "machine",
            "zmtp",
            "mongrel2",
            "websocket",
            "introduction",
            "socket",
            "transceiver",
        ],
    ),
    ("connector", &["endpoint", "machine", "zmtp", "introduction", "socket"]),
    (
        "server",
        &[
            "endpoint",
            "segments",
            "rng",
            "machine",
            "zmtp",
            "mongrel2",
            "introduction",
            "client",
            "socket",
            "connector",
        ],
    ),
];

/// Modules of `std` that the core may not name: time, octets and dice are its arguments.
const FORBIDDEN_MODULES: &[&str] = &["env", "fs", "os", "process", "thread"];

/// Words that the core may not use, wherever they come from.
const FORBIDDEN_WORDS: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
    "ToSocketAddrs",
    "HashMap",
    "HashSet",
    "RandomState",
];

const FILE_LINES_MAX: usize = 600;

#[test]
fn the_readme_shows_the_handler_that_is_tested() {
    let (readme, example) = ["README.md", "adapters/threads/examples/quick-start.rs"]
        .map(|name| read(&root().join(name)))
        .into();
    let (_, code) = example.split_once("\n\n").expect("a head, then the code");
    assert!(readme.contains(code), "put the code of quick-start.rs into the README again");
}

#[test]
fn rooms_use_only_what_is_below_them() {
    let exports = exports(&read(&root().join("src/lib.rs")));
    expect_none(core_files().iter().flat_map(|file| direction(file, &exports)));
}

#[test]
fn the_table_of_rooms_has_no_circle() {
    for (index, (room, uses)) in ROOMS.iter().enumerate() {
        for used in *uses {
            let is_above = ROOMS[..index].iter().any(|(other, _)| other == used);
            assert!(is_above, "{room} uses {used}, which stands below it in the table");
        }
    }
}

#[test]
fn no_files_of_a_room_use_each_other_in_a_circle() {
    let files = core_files();
    let mut uses = BTreeMap::new();
    for file in files.iter().filter(|file| file.depth() == 2) {
        let code = without_tests(&without_comments(&file.text));
        let used = paths(&code, "super").into_iter().map(|(_, name)| file.sibling(&name));
        uses.insert(file.name.clone(), used.collect::<Vec<_>>());
    }
    assert!(uses.values().flatten().any(|used| uses.contains_key(used)), "no file uses another");
    // Whoever uses nothing that is left is in no circle.
    loop {
        let left: Vec<String> = uses.keys().cloned().collect();
        uses.retain(|_, used| used.iter().any(|name| left.contains(name)));
        if uses.len() == left.len() {
            break;
        }
    }
    assert!(uses.is_empty(), "these use each other in a circle: {:?}", uses.keys());
}

#[test]
fn the_core_names_no_clock_socket_thread_or_environment() {
    expect_none(core_files().iter().flat_map(purity));
}

#[test]
fn files_are_short() {
    let mut files = Vec::new();
    gather(&root(), &mut files);
    assert!(files.len() > 10, "the files of the repository are not found");
    expect_none(files.iter().filter_map(length));
}

#[test]
fn every_file_says_what_it_is_for() {
    expect_none(core_files().iter().filter_map(introduction));
}

/// A source file, under its name from the root of the repository.
struct File {
    name: String,
    text: String,
}

impl File {
    /// `zmtp` for `src/zmtp/frame.rs` and for `src/zmtp.rs`.
    fn room(&self) -> &str {
        let inner = self.name.strip_prefix("src/").unwrap_or(&self.name);
        let first = inner.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// How many modules deep it lies: 1 for `src/zmtp/mod.rs`, 2 for `src/zmtp/frame.rs`.
    fn depth(&self) -> usize {
        let inner = self.name.strip_prefix("src/").unwrap_or(&self.name);
        inner.split('/').count() - usize::from(inner.ends_with("/mod.rs"))
    }

    /// The file of the module of this name in the same folder, if there is one.
    fn sibling(&self, module: &str) -> String {
        let (folder, _) = self.name.rsplit_once('/').unwrap_or_default();
        format!("{folder}/{module}.rs")
    }

    fn finding(&self, line: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.name, line + 1)
    }
}

/// What a file may not use of our own.
fn direction(file: &File, exports: &BTreeMap<String, String>) -> Vec<String> {
    let room = file.room();
    if room == "lib" {
        return Vec::new();
    }
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![file.finding(0, &format!("the table of rooms does not know `{room}`"))];
    };
    let code = without_comments(&file.text);
    let mut findings = Vec::new();
    for (line, name) in paths(&code, "crate") {
        let used = exports.get(&name).unwrap_or(&name);
        if !is_room(used) {
            findings.push(file.finding(line, &format!("`{name}` belongs to no room")));
        } else if used != room && !allowed.contains(&used.as_str()) {
            findings.push(file.finding(line, &format!("`{room}` may not use `{used}`")));
        }
    }
    // A short cut around the root: `super::socket` in `src/zmtp/mod.rs`, `super::super::socket` in
    // `src/zmtp/frame.rs`. With fewer, the name is one of the room's own.
    let to_the_root = vec!["super"; file.depth()].join("::");
    for (line, name) in paths(&code, &to_the_root) {
        if is_room(&name) && name != room && !allowed.contains(&name.as_str()) {
            findings.push(file.finding(line, &format!("`{room}` may not use `{name}`")));
        }
    }
    findings
}

/// What a file names that only adapters may name. Its tests may.
fn purity(file: &File) -> Vec<String> {
    if file.name.ends_with("/tests.rs") || file.name.contains("/tests/") {
        return Vec::new();
    }
    let code = without_tests(&without_comments(&file.text));
    let modules = paths(&code, "std").into_iter().filter_map(|(line, name)| {
        FORBIDDEN_MODULES
            .contains(&name.as_str())
            .then(|| file.finding(line, &format!("the core may not use `std::{name}`")))
    });
    let words = code.lines().enumerate().flat_map(|(line, text)| {
        FORBIDDEN_WORDS
            .iter()
            .filter(move |word| has_word(text, word))
            .map(move |word| file.finding(line, &format!("the core may not name `{word}`")))
    });
    modules.chain(words).collect()
}

fn length(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > FILE_LINES_MAX)
        .then(|| file.finding(FILE_LINES_MAX, &format!("{lines} lines, above {FILE_LINES_MAX}")))
}

fn introduction(file: &File) -> Option<String> {
    let begins = file.text.starts_with("//! ");
    (!begins).then(|| file.finding(0, "does not begin with `//!` and what it is for"))
}

/// The names right behind `root::`, with their lines; several for `root::{a, b::c}`.
fn paths(code: &str, root: &str) -> Vec<(usize, String)> {
    let needle = format!("{root}::");
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&needle) {
        if code[..at].ends_with(is_name) {
            continue;
        }
        let line = code[..at].matches('\n').count();
        let rest = &code[at + needle.len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                found.extend(heads(group).into_iter().map(|(below, name)| (line + below, name)));
            }
            None => found.push((line, leading_name(rest))),
        }
    }
    found
}

/// The first name of each part of `a, b::{c, d}}`, up to the brace that ends it, with the number of
/// lines before it.
fn heads(group: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut depth, mut is_start) = (0, true);
    for (at, letter) in group.char_indices() {
        match letter {
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            '{' => depth += 1,
            ',' if depth == 0 => is_start = true,
            letter if is_start && is_name(letter) => {
                found.push((group[..at].matches('\n').count(), leading_name(&group[at..])));
                is_start = false;
            }
            _ => {}
        }
    }
    found
}

/// The items that `lib.rs` shows at the root, with their rooms.
fn exports(lib: &str) -> BTreeMap<String, String> {
    let code = without_comments(lib);
    let statements = code.split(';').filter_map(|text| text.trim().strip_prefix("pub use "));
    let mut exports = BTreeMap::new();
    for statement in statements {
        let room = leading_name(statement);
        let names = statement.split(|letter| !is_name(letter)).filter(|name| !name.is_empty());
        exports.extend(names.skip(1).map(|name| (name.to_owned(), room.clone())));
    }
    exports
}

/// Comments become empty; lines keep their numbers.
fn without_comments(text: &str) -> String {
    let code = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    code.map(|line| format!("{line}\n")).collect()
}

/// What stands under `#[cfg(test)]` becomes empty; lines keep their numbers. Relies on rustfmt.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    // The line that ends what is being left out.
    let mut end: Option<String> = None;
    let mut follows_attribute = false;
    for line in code.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        match &end {
            Some(last) if last == line => end = None,
            Some(_) => {}
            None if line.trim() == "#[cfg(test)]" => follows_attribute = true,
            None if follows_attribute => {
                follows_attribute = line.trim_start().starts_with("#[");
                if line.ends_with('{') {
                    end = Some(format!("{indent}}}"));
                }
            }
            None => kept.push_str(line),
        }
        kept.push('\n');
    }
    kept
}

fn is_room(name: &str) -> bool {
    ROOMS.iter().any(|(room, _)| *room == name)
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|letter| is_name(*letter)).collect()
}

/// Whether `text` has `word` with no letter on either side.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_name) && !text[at + word.len()..].starts_with(is_name)
    })
}

fn expect_none(findings: impl Iterator<Item = String>) {
    let findings: Vec<_> = findings.collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn core_files() -> Vec<File> {
    let mut files = Vec::new();
    gather(&root().join("src"), &mut files);
    assert!(!files.is_empty(), "the files of the core are not found");
    files
}

/// The `.rs` files below a directory, less what cargo and git keep there.
fn gather(directory: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                gather(&path, files);
            }
        } else if is_source {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            files.push(File { name, text: read(&path) });
        }
    }
}

#[test]
fn a_use_against_the_direction_is_found() {
    let exports = exports("pub use endpoint::{Endpoint, Host};\npub use machine::Machine;\n");
    let found = |name: &str, text: &str| {
        direction(&File { name: name.into(), text: text.into() }, &exports).join(" ")
    };
    let text = "//! A.\n// crate::socket\nuse crate::{\n    segments::Segments,\n    \
                socket::{Socket, Push},\n};\n";
    assert_eq!(found("src/zmtp/a.rs", text), "src/zmtp/a.rs:5: `zmtp` may not use `socket`");
    let root_item = "//! A.\nfn a(_: crate::Machine) {}\n";
    assert_eq!(found("src/rng.rs", root_item), "src/rng.rs:2: `rng` may not use `machine`");
    assert_eq!(
        found("src/zmtp/mod.rs", "use super::socket::A;"),
        "src/zmtp/mod.rs:1: `zmtp` may not use `socket`"
    );
    assert_eq!(
        found("src/attic.rs", ""),
        "src/attic.rs:1: the table of rooms does not know `attic`"
    );
    assert_eq!(
        found("src/zmtp/a.rs", "use crate::Attic;"),
        "src/zmtp/a.rs:1: `Attic` belongs to no room"
    );
    assert_eq!(found("src/socket/a.rs", "use crate::{Endpoint, zmtp::Engine, socket::B};"), "");
}

#[test]
fn what_the_core_may_not_name_is_found() {
    let found = |text: &str| purity(&File { name: "src/a.rs".into(), text: text.into() }).join(" ");
    assert_eq!(
        found("use std::{\n    fmt,\n    fs,\n};"),
        "src/a.rs:3: the core may not use `std::fs`"
    );
    assert_eq!(
        found("let t = Instant::now();"),
        "src/a.rs:1: the core may not name `Instant::now`"
    );
    assert_eq!(found("x: HashMap<A, B>,"), "src/a.rs:1: the core may not name `HashMap`");
    assert_eq!(found("use std::net::IpAddr;\nuse std::time::Instant;\n// HashMap\n"), "");
    let tests = "#[cfg(test)]\nmod tests {\n    fn a() {\n        Instant::now();\n    }\n}\n";
    assert_eq!(found(tests), "");
    assert_eq!(
        found(&format!("{tests}use std::thread;")),
        "src/a.rs:7: the core may not use `std::thread`"
    );
    assert_eq!(
        found("#[cfg(test)]\nmod tests;\nuse std::env;"),
        "src/a.rs:3: the core may not use `std::env`"
    );
}

#[test]
fn a_long_or_wordless_file_is_found() {
    let file = |text: String| File { name: "src/a.rs".into(), text };
    assert!(length(&file("x\n".repeat(FILE_LINES_MAX))).is_none());
    let found = length(&file("x\n".repeat(FILE_LINES_MAX + 1)));
    assert_eq!(found.as_deref(), Some("src/a.rs:601: 601 lines, above 600"));
    assert!(introduction(&file("//! A.\n".into())).is_none());
    assert!(introduction(&file("use a;\n".into())).is_some());
}
