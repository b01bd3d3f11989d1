//! A handler of which nothing but the control socket is real: a REP socket that answers as it is told.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use mongrel2_transceiver::introduction::Order;
use mongrel2_transceiver::socket::{self, Socket};
use mongrel2_transceiver::zmtp::{Message, SocketType};

use crate::bench::control;
use crate::support::{NodeId, World};

/// The orders that it heard, oldest first.
pub(crate) type Heard = Rc<RefCell<Vec<Order>>>;

/// A REP socket at this port that answers each order with what `answer` says; nothing for `None`.
pub(crate) fn replier(
    world: &mut World,
    port: u16,
    mut answer: impl FnMut(&Order) -> Option<Bytes> + 'static,
) -> (NodeId<Socket>, Heard) {
    let node = bound(world, SocketType::Rep, port);
    let heard = Heard::default();
    let hears = Rc::clone(&heard);
    world.script(node, move |event| match event {
        socket::Event::Message { message, .. } => {
            let order = Order::parse(message.first().bytes()).unwrap();
            let answer = answer(&order);
            hears.borrow_mut().push(order);
            answer.map(|answer| socket::Command::Send(Message::from(answer))).into_iter().collect()
        }
        _ => Vec::new(),
    });
    (node, heard)
}

/// A socket of any type, bound at this port.
pub(crate) fn bound(world: &mut World, socket_type: SocketType, port: u16) -> NodeId<Socket> {
    let node = world.add(Socket::new(world.now(), socket::Config::new(socket_type)));
    world.submit(node, socket::Command::Bind(control(port))).unwrap();
    node
}

/// A socket of any type, connected to this port.
pub(crate) fn connected(world: &mut World, socket_type: SocketType, port: u16) -> NodeId<Socket> {
    let node = world.add(Socket::new(world.now(), socket::Config::new(socket_type)));
    world.submit(node, socket::Command::Connect(control(port))).unwrap();
    node
}

/// Says something over a PUB socket; nobody hears it who has not subscribed.
pub(crate) fn publish(world: &mut World, node: NodeId<Socket>, text: impl Into<Bytes>) {
    let _ = world.submit(node, socket::Command::Send(Message::from(text.into())));
}
