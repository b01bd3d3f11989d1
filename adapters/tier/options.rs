//! The command line.

use std::ffi::OsString;

use bytes::Bytes;
use lexopt::prelude::{Long, Short, Value, ValueExt};
use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::mongrel2::Sender;
use mongrel2_transceiver::tier::api::Spread;

/// What the command line asks for.
pub(crate) enum Parsed {
    /// To be told what there is to say.
    Help(String),
    /// To be one of the three.
    Run(Role, Box<Options>),
}

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Api,
    Node,
}

/// Where everybody meets.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) sender: Sender,
    pub(crate) send_spec: Endpoint,
    pub(crate) recv_spec: Endpoint,
    pub(crate) work: Endpoint,
    pub(crate) announcements: Endpoint,
    pub(crate) receipts: Endpoint,
    pub(crate) control: Option<Endpoint>,
    pub(crate) spread: Spread,
    pub(crate) name: String,
}

/// Reads the command line.
///
/// # Errors
/// Says what is wrong with it, for a person.
pub(crate) fn parse(
    program: &str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Parsed, String> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut role = None;
    let mut options = Options {
        sender: Sender::new("stand-in").map_err(|error| error.to_string())?,
        send_spec: endpoint("tcp://127.0.0.1:9999")?,
        recv_spec: endpoint("tcp://127.0.0.1:9998")?,
        work: endpoint("tcp://127.0.0.1:9996")?,
        announcements: endpoint("tcp://127.0.0.1:9995")?,
        receipts: endpoint("tcp://127.0.0.1:9994")?,
        control: None,
        spread: Spread::RoundRobin,
        name: std::process::id().to_string(),
    };
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Parsed::Help(help(program))),
            Value(word) if role.is_none() => role = Some(role_of(&word)?),
            Long("sender") => {
                options.sender =
                    Sender::new(Bytes::from(text(&mut parser)?)).map_err(|e| e.to_string())?;
            }
            Long("pull") => options.send_spec = endpoint(&text(&mut parser)?)?,
            Long("pub") => options.recv_spec = endpoint(&text(&mut parser)?)?,
            Long("work") => options.work = endpoint(&text(&mut parser)?)?,
            Long("announcements") => options.announcements = endpoint(&text(&mut parser)?)?,
            Long("receipts") => options.receipts = endpoint(&text(&mut parser)?)?,
            Long("control") => options.control = Some(endpoint(&text(&mut parser)?)?),
            Long("sticky") => options.spread = Spread::StickyByClient,
            Long("name") => options.name = text(&mut parser)?,
            other => return Err(other.unexpected().to_string()),
        }
    }
    let role = role.ok_or("say which of the three to be: server, api or node")?;
    Ok(Parsed::Run(role, Box::new(options)))
}

fn role_of(word: &OsString) -> Result<Role, String> {
    match word.to_str() {
        Some("server") => Ok(Role::Server),
        Some("api") => Ok(Role::Api),
        Some("node") => Ok(Role::Node),
        _ => Err(format!("'{}' is none of server, api, node", word.to_string_lossy())),
    }
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    let value = parser.value().and_then(|value| value.string());
    value.map_err(|error| error.to_string())
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    text.parse().map_err(|error| format!("'{text}': {error}"))
}

fn help(program: &str) -> String {
    format!(
        "\
The second tier in three processes: Mongrel2 gives requests to the API, the API deals
them out to Nodes, and the Nodes answer the browsers.

Usage, each in a terminal of its own:
  {program} server   a stand-in Mongrel2 with browsers that ask without end
  {program} api      takes its requests, and passes them on
  {program} node     answers them; start as many as you like, and kill some

Options:
  --sender ID            send_ident of the API in Mongrel2's configuration [stand-in]
  --pull ADDR            its send_spec [tcp://127.0.0.1:9999]
  --pub ADDR             its recv_spec [tcp://127.0.0.1:9998]
  --work ADDR            where Nodes get requests from the API [tcp://127.0.0.1:9996]
  --announcements ADDR   where they hear what it announces [tcp://127.0.0.1:9995]
  --receipts ADDR        where they tell what they have done [tcp://127.0.0.1:9994]
  --control ADDR         where the API or a Node binds its control socket [none]
  --sticky               the API gives all of one connection to one Node
  --name NAME            what a Node signs its answers with [its process id]
  -h, --help             this text

With a real Mongrel2 leave 'server' out, and give its addresses to 'api'; Nodes learn
them from there.

SIGINT and SIGTERM end each in order; a second one at once.
Exit code: 0 after an orderly end, 1 where it cannot run.
"
    )
}
