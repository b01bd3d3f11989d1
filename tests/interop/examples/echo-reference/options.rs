//! The command line.

use std::error::Error;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) servers: Vec<ServerOptions>,
    /// Bound, so that an address in use is noticed; nobody answers there.
    pub(crate) control: Option<String>,
    pub(crate) ping_interval: Duration,
}

/// A server's name and addresses.
#[derive(Debug, Default)]
pub(crate) struct ServerOptions {
    pub(crate) sender: String,
    pub(crate) pull: String,
    pub(crate) publish: String,
}

impl Options {
    pub(crate) fn parse(
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut options =
            Self { servers: Vec::new(), control: None, ping_interval: Duration::from_secs(60) };
        let (mut senders, mut pulls, mut pubs) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--sender" => senders.push(value),
                "--pull" => pulls.push(value),
                "--pub" => pubs.push(value),
                "--control" => options.control = Some(value).filter(|value| value != "none"),
                "--ping-interval" => options.ping_interval = seconds(&value)?,
                // libzmq has one of its own.
                "--handshake-timeout" => drop(seconds(&value)?),
                _ => return Err(format!("unknown option {name}").into()),
            }
        }
        if senders.len() != pulls.len() || senders.len() != pubs.len() {
            return Err("--sender, --pull and --pub go together".into());
        }
        let servers = senders.into_iter().zip(pulls).zip(pubs);
        options.servers = servers
            .map(|((sender, pull), publish)| ServerOptions { sender, pull, publish })
            .collect();
        Ok(options)
    }
}

fn seconds(text: &str) -> Result<Duration, Box<dyn Error>> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}
