//! STUN messages: whatever parses is checked and answered, and the answer must parse.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octoengine::stun::{MAX_ANSWER, Message, answer};
use std::net::SocketAddr;

const KEY: &[u8] = b"password-of-the-other-side";

fuzz_target!(|data: &[u8]| {
    let Some(message) = Message::parse(data) else { return };
    let authentic = message.is_authentic(KEY);
    if message.is_binding_request() && (authentic || message.is_for("ufrag")) {
        let mut out = [0; MAX_ANSWER];
        let peer = SocketAddr::from(([192, 0, 2, 1], 40_000));
        let len = answer(&mut out, &message.transaction, peer, KEY);
        assert!(Message::parse(&out[..len]).expect("our own answer").is_authentic(KEY));
    }
});
