//! Orders to a Node's control socket: the same as to a transceiver's.

use bytes::Bytes;

use crate::introduction::{Answer, Order};
use crate::transceiver::control::Heard;
use crate::transceiver::{self, ServerId};

use super::event::Event;
use super::machine::Node;
use super::server::Server;

impl Node {
    /// Obeys what comes in by the control socket.
    pub(super) fn listen_to_control(&mut self) {
        while let Some(heard) = self.control.as_mut().and_then(|c| c.next(&mut self.io)) {
            match heard {
                Heard::Event(event) => self.control_event(event),
                Heard::Order(order) => {
                    let answer = self.obey_order(order);
                    if let Some(control) = &mut self.control {
                        control.answer(&answer, &mut self.io);
                    }
                }
            }
        }
    }

    fn control_event(&mut self, event: transceiver::Event) {
        // A control socket has nothing else to tell.
        if let transceiver::Event::ControlListening { endpoint } = event {
            self.events.push(Event::ControlListening { endpoint });
        } else if let transceiver::Event::ControlFailed { endpoint, cause } = event {
            self.events.push(Event::ControlFailed { endpoint, cause });
        }
    }

    fn obey_order(&mut self, order: Order) -> Answer {
        let found = order.sender().and_then(|sender| self.find(sender));
        let result = match order {
            Order::Alive => return Answer::Pong,
            Order::Add { .. } if found.is_some() => Err(IN_USE.to_owned()),
            Order::Add { .. } if self.events.has_twice_as_many() => Err(BUSY.to_owned()),
            Order::Add { sender, recv_spec, .. } => {
                self.add_server(sender, recv_spec).map_err(|refused| refused.to_string())
            }
            Order::Remove { .. } => found
                .ok_or_else(|| UNKNOWN.to_owned())
                .and_then(|id| self.remove_server(id).map_err(|refused| refused.to_string())),
            Order::Ping { text, .. } => {
                let was_there = self.prove(found, |server| !server.is_parting(), text);
                was_there.ok_or_else(|| UNKNOWN.to_owned())
            }
            Order::DisconnectPing { text, .. } => {
                let _only_who_is_up_hears_it = self.prove(found, Server::is_up, text);
                Ok(())
            }
        };
        match result {
            Ok(()) => Answer::Received,
            Err(why) => Answer::error(why),
        }
    }

    /// Publishes a text to a server, if it is as it is to be, as soon as it is subscribed.
    fn prove(
        &mut self,
        id: Option<ServerId>,
        is_fit: impl Fn(&Server) -> bool,
        text: Bytes,
    ) -> Option<()> {
        let id = id?;
        self.servers.get_mut(&id).filter(|server| is_fit(server))?.outbox.prove(text);
        self.touch(id);
        Some(())
    }
}

const UNKNOWN: &str = "no server of this sender id is served: add it first";
const BUSY: &str = "this node has no time for more servers: ask again in a moment";
const IN_USE: &str = "a server of this sender id is served already: remove it first";
