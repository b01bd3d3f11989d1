//! Compressed WebSockets (RFC 7692), with the Python package `websockets` as client, behind the real
//! Mongrel2.

use interop::handler::Options;
use interop::{Echo, Mongrel2, python};

fn an_independent_client_understands_and_is_understood(echo: Echo, contexts: bool) {
    let server = Mongrel2::start();
    let options = Options::new(echo).server(&server);
    let options =
        if contexts { options.with("--deflate-contexts", "4") } else { options.flag("--deflate") };
    let mut handler = options.start();
    server.wait_until_served();
    let uri = format!("ws://{}/chat", server.address());
    let more: &[&str] = if contexts { &["--contexts"] } else { &[] };
    python::run("deflate.py", &[&[uri.as_str()], more].concat());
    handler.stop();
}

macro_rules! deflate_tests {
    ($($name:ident: $echo:expr),* $(,)?) => {
        $(mod $name {
            #[test]
            fn messages_alone() {
                super::an_independent_client_understands_and_is_understood($echo, false);
            }

            #[test]
            fn messages_that_refer_to_others() {
                super::an_independent_client_understands_and_is_understood($echo, true);
            }
        })*
    };
}

deflate_tests! { threads: super::Echo::Threads, smol: super::Echo::Smol, tokio: super::Echo::Tokio }
