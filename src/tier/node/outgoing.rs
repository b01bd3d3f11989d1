//! What the application says to browsers: checked, counted, put into a server's outbox.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use crate::mongrel2::ConnId;
use crate::transceiver::delivery::{Delivery, Origin, Recipients, batches};
use crate::transceiver::{self, Loss, ServerId};
use crate::websocket::Message;

use super::command::Refused;
use super::event::{Event, Target};
use super::machine::{Node, Stage};
use super::server::Server;

impl Node {
    /// The server of a target, where something can still be said to it.
    fn server_of(&mut self, target: Target) -> Result<&mut Server, Refused> {
        let server = self.servers.get_mut(&target.server).ok_or(Refused::UnknownServer)?;
        if server.is_flushing() {
            Err(Refused::ShuttingDown)
        } else if server.is_current(target.life) && target.conn_id.0 >= 0 {
            Ok(server)
        } else {
            Err(Refused::ServerGone)
        }
    }

    /// Puts deliveries for one target into its server's outbox, where there is room for them.
    fn deliver(&mut self, target: Target, bodies: Vec<Bytes>) -> Result<(), Refused> {
        let size_max = self.config.limits.message_size_max.max(1);
        let octets = bodies.iter().map(Bytes::len).sum();
        let server = self.server_of(target)?;
        if octets > size_max {
            return Err(Refused::TooLarge);
        }
        if !server.outbox.admits(bodies.len(), octets) {
            return Err(Refused::Full);
        }
        let is_end = octets == 0;
        if !is_end && !server.outbox.admits_to(target.conn_id, bodies.len(), octets) {
            return Err(Refused::Slow);
        }
        for body in bodies {
            let delivery = Delivery::to_one(target.conn_id, body, Origin::Application);
            server.outbox.push(delivery.answering(target.request));
        }
        self.touch(target.server);
        Ok(())
    }

    pub(super) fn reply(
        &mut self,
        target: Target,
        body: Bytes,
        close: bool,
    ) -> Result<(), Refused> {
        self.server_of(target)?;
        if body.is_empty() {
            return Err(Refused::Empty);
        }
        let end = close.then(Bytes::new);
        self.deliver(target, std::iter::once(body).chain(end).collect())
    }

    pub(super) fn hang_up(&mut self, target: Target) -> Result<(), Refused> {
        self.deliver(target, vec![Bytes::new()])
    }

    pub(super) fn send(&mut self, target: Target, message: &Message) -> Result<(), Refused> {
        self.server_of(target)?;
        self.deliver(target, vec![encode(message)])
    }

    pub(super) fn broadcast(
        &mut self,
        targets: Vec<Target>,
        message: &Message,
    ) -> Result<(), Refused> {
        if self.stage == Stage::Stopped {
            // Nothing happens any more, not even a report.
            return Err(Refused::ShuttingDown);
        }
        if message.len() > self.config.limits.message_size_max.max(1) {
            return Err(Refused::TooLarge);
        }
        let mut to = BTreeMap::<ServerId, Vec<ConnId>>::new();
        let mut gone = Vec::new();
        for target in targets {
            match self.server_of(target) {
                Ok(_) => to.entry(target.server).or_default().push(target.conn_id),
                Err(_) => {
                    let Target { server, life, conn_id, .. } = target;
                    gone.push(transceiver::Target { server, life, conn_id });
                }
            }
        }
        for (id, conn_ids) in &to {
            let deliveries = batches(conn_ids).count();
            let octets = message.len().saturating_mul(deliveries);
            let server = self.servers.get_mut(id);
            if server.is_some_and(|server| !server.outbox.admits(deliveries, octets)) {
                return Err(Refused::Full);
            }
        }
        let body = encode(message);
        for (id, conn_ids) in to {
            if let Some(server) = self.servers.get_mut(&id) {
                for batch in batches(&conn_ids) {
                    let (to, body) = (Recipients::Many(batch.to_vec()), body.clone());
                    server.outbox.push(Delivery::new(to, body, Origin::Application));
                }
            }
            self.touch(id);
        }
        if !gone.is_empty() {
            self.lost(gone.len());
            self.events.push(Event::Undelivered { targets: gone, reason: Loss::ServerLost });
        }
        Ok(())
    }

    /// A request is finished without an answer.
    pub(super) fn close_request(
        &mut self,
        target: Target,
        has_failed: bool,
    ) -> Result<(), Refused> {
        if !self.finish(target.request, has_failed) {
            return Err(Refused::Finished);
        }
        self.touch(target.server);
        Ok(())
    }
}

fn encode(message: &Message) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 10);
    message.encode(&mut frame);
    frame.freeze()
}
