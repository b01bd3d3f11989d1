//! How the handler of a world is set, and where its servers are.

use std::time::Duration;

use mongrel2_transceiver::transceiver::{Config, Slow};
use mongrel2_transceiver::websocket::{Close, CloseCode};

use super::support::Dice;

pub(crate) fn config(dice: &mut Dice) -> Config {
    let mut config = Config::default();
    config.seed = dice.next();
    config.ping_interval = dice.pick(&[None, Some(5), Some(30)]).map(Duration::from_secs);
    config.close_timeout = Duration::from_millis(dice.pick(&[100, 5_000]));
    let limits = &mut config.limits;
    limits.events_max = dice.pick(&[1, 4, 1024]);
    limits.sessions_max = dice.pick(&[5, 1000]);
    limits.send_messages_max = dice.pick(&[4, 50, 10_000]);
    limits.send_bytes_max = dice.pick(&[1_000, 1 << 20]);
    limits.message_size_max = dice.pick(&[1_000, 1 << 20]);
    limits.memberships_max = dice.pick(&[10, 1000]);
    limits.groups_max = dice.pick(&[3, 1000]);
    limits.read_size = dice.pick(&[100, 64 << 10]);
    limits.write_size = dice.pick(&[1, 64 << 10]);
    // No throw of its own, so that worlds stay what they were.
    config.slow = match config.seed % 4 {
        0 => Slow::DropOldest,
        1 => Slow::Close(Close::new(CloseCode::POLICY, "slow").unwrap()),
        _ => Slow::Wait,
    };
    if config.seed % 3 == 0 {
        config.limits.target_messages_max = 2;
    }
    config
}

pub(crate) fn sender(server: usize) -> String {
    format!("server-{server}")
}

pub(crate) fn specs(server: usize) -> [String; 2] {
    [9, 8].map(|port| format!("tcp://127.0.0.1:70{server}{port}"))
}
