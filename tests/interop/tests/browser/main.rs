//! A real browser, behind the real Mongrel2: a page opens two WebSockets and chats with itself, and is
//! refused by a handler that expects pages of another origin.
//!
//! Headless Chromium prints the page as it is once it is loaded, and ends. An image of the page that the
//! handler does not answer before the page has told its outcome holds that up, so that nobody guesses
//! how long anything takes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "an application looks at what concerns it")]

mod chat;
#[path = "../inside/driver.rs"]
mod driver;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use interop::handler::Options;
use interop::process::Process;
use interop::websocket::connect;
use interop::{Echo, Mongrel2, PATIENCE};
use mongrel2_transceiver::transceiver::SessionEnd;
use mongrel2_transceiver::websocket::{Close, CloseCode};
use rustix::process::Signal;

use chat::Chat;

#[test]
fn a_page_chats_with_itself_and_is_refused_elsewhere() {
    let elsewhere = Mongrel2::start();
    let options = Options::new(Echo::Threads).server(&elsewhere);
    let _stranger = options.with("--origin", "https://example.com").start();
    elsewhere.wait_until_served();
    // It is the origin that is refused: who names none is let in.
    drop(connect(elsewhere.address()));

    let server = Mongrel2::start();
    let own = format!("http://{}", server.address());
    let page = PAGE.replace("{elsewhere}", &format!("ws://{}/chat", elsewhere.address()));
    let chat = Chat::start(&server, &own, page);
    let shown = show(&format!("{own}/"));

    let outcome = shown.split_once("<pre id=\"outcome\">").and_then(|(_, rest)| {
        let (outcome, _) = rest.split_once("</pre>")?;
        Some(outcome.lines().collect::<Vec<_>>())
    });
    assert_eq!(outcome.unwrap_or_else(|| panic!("no outcome in:\n{shown}")), OUTCOME);
    let by_client = Close::new(CloseCode::new(4000).unwrap(), "Baba").unwrap();
    let ends = chat.stop();
    let expected = [SessionEnd::ByClient(by_client), SessionEnd::ByHandler { answered: true }];
    assert!(expected.iter().all(|end| ends.contains(end)), "{ends:?}");
    assert_eq!(ends.len(), expected.len(), "{ends:?}");
}

/// What the browser makes of a page, once it is loaded.
fn show(address: &str) -> String {
    let profile = Profile::new();
    let mut command = Command::new("chromium");
    command.args(FLAGS).arg(format!("--user-data-dir={}", profile.0.display())).arg(address);
    // What else it writes down goes there as well.
    command.env("HOME", &profile.0).env("TMPDIR", &profile.0);
    let mut browser = Process::spawn("chromium", &mut command);
    let Some(status) = browser.wait(3 * PATIENCE) else {
        // In order, so that none of its own processes writes anything later.
        browser.signal(Signal::TERM);
        let ended = browser.wait(PATIENCE);
        panic!("the page was not loaded, and the browser ended with {ended:?}");
    };
    assert!(status.success(), "{status}");
    browser.output()
}

/// A directory for one run of the browser, removed when dropped.
struct Profile(PathBuf);

impl Profile {
    fn new() -> Self {
        let name = format!("chromium-interop-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        remove(&directory);
        fs::create_dir_all(&directory).expect("temporary files can be made");
        Self(directory)
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(directory: &Path) {
    drop(fs::remove_dir_all(directory));
}

const PAGE: &str = include_str!("page.html");

const OUTCOME: &[&str] = &[
    "in: true true",
    "agreed: permessage-deflate",
    "anna hears: Grüß dich, Bert \u{1F980}",
    "bert hears: Grüß dich, Bert \u{1F980}",
    "anna hears: Servus, Anna",
    "bert hears: Servus, Anna",
    "70000 octets, all the same: true",
    "70000 octets, all the same: true",
    "closed: 4000 Baba, cleanly: true",
    "closed: 4321 Schleich dich, cleanly: true",
    "in elsewhere: false",
    "closed: 1006, cleanly: false",
];

/// It speaks to nobody but this machine, and needs neither a screen nor a user.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--dump-dom",
];
