//! Responses in pieces, and what a browser makes of them: replies put together and cut anywhere.

use mongrel2_transceiver::client::{Action, Ask, Client, Limits, Origin, Protocol, Received};
use mongrel2_transceiver::mongrel2::http::{Response, sse};
use mongrel2_transceiver::mongrel2::{ConnId, Request, Sender};
use mongrel2_transceiver::transceiver::{Command, Event, Refused, Target};

use crate::pair::{Pair, plain};

fn browser(pair: &mut Pair, ask: Ask) -> (Client, Target, Request) {
    let origin = Origin::new(Sender::new(crate::browser::SENDER).unwrap());
    let mut browser = Client::new(Protocol::Http, ConnId(7), origin, Limits::default());
    browser.act(Action::Request(ask)).unwrap();
    pair.deliver(browser.poll_delivery().unwrap());
    let event = pair.until(|event| matches!(event, Event::Request { .. }));
    let Event::Request { target, request } = event else { unreachable!() };
    (browser, target, request)
}

/// What the browser gets of all that was said, cut into replies of this size.
fn got(pair: &mut Pair, browser: &Client, size: usize) -> Vec<Received> {
    let mut browser = browser.clone();
    for (_, body) in pair.replies() {
        if body.is_empty() {
            browser.reply(body, false);
        } else {
            body.chunks(size).for_each(|part| browser.reply(part.to_vec().into(), false));
        }
    }
    std::iter::from_fn(|| browser.poll_received()).collect()
}

fn submit_all(pair: &mut Pair, commands: impl IntoIterator<Item = Command>) {
    commands.into_iter().for_each(|command| pair.submit(command));
}

#[test]
fn a_thousand_pieces_arrive_whole_however_they_are_put_together() {
    for size in [1, 2, 3, 7, 1000, usize::MAX] {
        let mut pair = Pair::up(1, plain());
        let (browser, target, request) = browser(&mut pair, Ask::get("/"));
        let (head, stream) = Response::new(200).stream(&request);
        submit_all(&mut pair, Command::encoded(target, head));
        for number in 0..1000 {
            let piece = stream.piece(format!("{number}\n").as_bytes());
            submit_all(&mut pair, Command::encoded(target, piece));
            submit_all(&mut pair, Command::encoded(target, stream.piece(b"")));
        }
        submit_all(&mut pair, Command::encoded(target, stream.end()));
        pair.run_secs(5);
        let expected: String = (0..1000).map(|number| format!("{number}\n")).collect();
        let received = got(&mut pair, &browser, size);
        let [Received::Response(response)] = &received[..] else { panic!("{received:?}") };
        assert!(response.text() == Some(&expected), "cut into {size}");
    }
}

#[test]
fn an_old_browser_reads_up_to_the_end() {
    let mut pair = Pair::up(2, plain());
    let (browser, target, request) = browser(&mut pair, Ask::get("/").version("HTTP/1.0"));
    let (head, stream) = Response::text(200, "a").stream(&request);
    let pieces = [head, stream.piece(b"b"), stream.piece(b""), stream.end()];
    submit_all(&mut pair, pieces.into_iter().flat_map(|part| Command::encoded(target, part)));
    pair.run_ms(50);
    let received = got(&mut pair, &browser, usize::MAX);
    let [Received::Response(response), Received::Ended] = &received[..] else { panic!() };
    assert_eq!(response.text(), Some("ab"));
}

#[test]
fn what_has_no_body_has_no_pieces() {
    let mut pair = Pair::up(3, plain());
    let (browser, target, request) = browser(&mut pair, Ask::head("/"));
    let (head, stream) = Response::new(200).stream(&request);
    let pieces = [head, stream.piece(b"x"), stream.end()];
    submit_all(&mut pair, pieces.into_iter().flat_map(|part| Command::encoded(target, part)));
    pair.run_ms(50);
    let received = got(&mut pair, &browser, usize::MAX);
    let [Received::Response(response)] = &received[..] else { panic!("{received:?}") };
    assert!(response.body.is_empty());
}

#[test]
fn a_sized_body_arrives_and_one_that_breaks_off_is_seen_to() {
    for is_whole in [true, false] {
        let mut pair = Pair::up(4, plain());
        let (browser, target, request) = browser(&mut pair, Ask::get("/"));
        let (head, mut stream) = Response::new(200).sized(&request, 6).unwrap();
        let mut parts = vec![head, stream.piece("abc").unwrap()];
        if is_whole {
            parts.push(stream.piece("def").unwrap());
        }
        parts.push(stream.end());
        submit_all(&mut pair, parts.into_iter().flat_map(|part| Command::encoded(target, part)));
        pair.run_ms(50);
        let received = got(&mut pair, &browser, 2);
        match &received[..] {
            [Received::Response(response)] => {
                assert!(is_whole && response.text() == Some("abcdef"));
            }
            [Received::Violation(_)] => assert!(!is_whole),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn events_are_pieces_of_a_stream() {
    let mut pair = Pair::up(5, plain());
    let (browser, target, request) = browser(&mut pair, Ask::get("/events"));
    let (head, stream) = sse::response().stream(&request);
    let event = sse::Event::new("hello").id("1").unwrap().encode();
    let pieces = [head, stream.piece(&event), stream.piece(&sse::comment("")), stream.end()];
    submit_all(&mut pair, pieces.into_iter().flat_map(|part| Command::encoded(target, part)));
    pair.run_ms(50);
    let received = got(&mut pair, &browser, usize::MAX);
    let [Received::Response(response)] = &received[..] else { panic!("{received:?}") };
    assert_eq!(response.header("content-type").unwrap(), "text/event-stream");
    assert_eq!(response.text(), Some("id: 1\ndata: hello\n\n: \n\n"));
}

/// Faster than the browser reads: it is said where no more is taken, and where there is room again.
#[test]
fn a_stream_to_a_slow_browser_is_slowed_down() {
    let mut pair = Pair::up(6, crate::pair::small(|config| config.limits.target_messages_max = 50));
    let (browser, target, request) = browser(&mut pair, Ask::get("/"));
    let (head, stream) = Response::new(200).stream(&request);
    submit_all(&mut pair, Command::encoded(target, head));
    let (mut numbers, mut refusals) = (0..1000u32, 0);
    let mut next = numbers.next();
    while let Some(number) = next {
        let piece = Command::encoded(target, stream.piece(format!("{number}\n").as_bytes()));
        match pair.world.submit(pair.handler, piece.unwrap()) {
            Ok(()) if number % 10 == 9 => {
                // All is written by then, and waits for the browser alone.
                pair.run_ms(1);
                next = numbers.next();
            }
            Ok(()) => next = numbers.next(),
            Err(refused) => {
                assert_eq!(refused, Refused::Slow);
                refusals += 1;
                pair.until(|event| matches!(event, Event::TargetRoom { .. }));
            }
        }
    }
    submit_all(&mut pair, Command::encoded(target, stream.end()));
    pair.run_secs(20);
    let received = got(&mut pair, &browser, usize::MAX);
    let [Received::Response(response)] = &received[..] else { panic!("{received:?}") };
    assert!(refusals > 0);
    assert!(response.body.iter().filter(|octet| **octet == b'\n').count() == 1000);
}
