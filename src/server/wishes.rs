//! What the application asks of a server.

use crate::client::{Action, Protocol};
use crate::endpoint::Endpoint;

use super::command::{ClientId, Command, Refused};
use super::event::Event;
use super::failure::{Cause, Failure, Step};
use super::machine::{Phase, Server};
use super::terms::Bound;

impl Server {
    /// Does what the application asks for, or says why not.
    pub(super) fn carry_out(&mut self, command: Command) -> Result<(), Refused> {
        match command {
            Command::Deliver(_) if self.phase != Phase::Running => Err(Refused::ShuttingDown),
            Command::Deliver(raw) => self.sockets.deliver(raw, &mut self.io),
            Command::Connect { handler } => {
                self.check_room()?;
                self.handlers.connect(handler, &self.terms, &mut self.io)
            }
            Command::Disconnect { control } => self.disconnect(&control),
            Command::Open { client, protocol } => self.open(client, protocol),
            Command::Act { client, action } => self.act(client, action),
            Command::Receive { client, within } => {
                self.check_room()?;
                let event = self.clients.receive(client, within, self.io.now())?;
                self.events.extend(event);
                Ok(())
            }
            Command::Cancel { client } => self.clients.cancel(client),
            Command::Forget { client } => self.forget(client),
            Command::Shutdown => {
                self.shutdown();
                Ok(())
            }
        }
    }

    fn open(&mut self, client: ClientId, protocol: Protocol) -> Result<(), Refused> {
        self.check_room()?;
        self.clients.open(client, protocol)?;
        let handlers = self.handlers.connect_wanted(&self.terms, &mut self.io);
        self.openings.push(client, handlers);
        Ok(())
    }

    fn act(&mut self, client: ClientId, action: Action) -> Result<(), Refused> {
        self.check_running()?;
        if matches!(&action, Action::Garbage(raw) if self.sockets.is_too_large(raw)) {
            return Err(Refused::TooLarge);
        }
        self.sockets.check_room()?;
        let said = self.clients.act(client, action)?;
        self.on_said(said);
        Ok(())
    }

    fn forget(&mut self, client: ClientId) -> Result<(), Refused> {
        let said = self.clients.forget(client)?;
        if self.phase == Phase::Running {
            self.openings.remove(client);
            self.on_said(said);
        }
        Ok(())
    }

    fn disconnect(&mut self, control: &Endpoint) -> Result<(), Refused> {
        self.check_room()?;
        let begins = self.handlers.disconnect(control, &self.terms, &mut self.io)?;
        if !begins {
            self.events.push_back(Event::Disconnected { control: control.clone() });
        }
        Ok(())
    }

    fn shutdown(&mut self) {
        if self.phase != Phase::Running {
            return;
        }
        self.phase = Phase::Parting;
        let reports = self.handlers.shutdown(&self.terms, &mut self.io);
        self.report(reports);
        let failure = Failure { control: None, step: Step::Bind, cause: Cause::ShuttingDown };
        let clients = self.openings.take_all();
        self.fail_to_open(clients, &failure);
        self.events.extend(self.clients.shutdown());
    }

    /// Whether something that ends in an event may begin.
    fn check_room(&self) -> Result<(), Refused> {
        self.check_running()?;
        let is_neglected = self.events.len() / 2 >= self.events_max;
        if is_neglected { Err(Refused::Neglected) } else { Ok(()) }
    }

    fn check_running(&self) -> Result<(), Refused> {
        if self.phase != Phase::Running {
            return Err(Refused::ShuttingDown);
        }
        match &self.terms.bound {
            Bound::Failed { .. } => Err(Refused::NotListening),
            Bound::NotYet | Bound::At { .. } => Ok(()),
        }
    }
}
