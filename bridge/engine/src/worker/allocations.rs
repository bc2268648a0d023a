//! Proof that forwarding allocates nothing: counted by the test's own allocator.

use super::Worker;
use crate::instruction::{Instruction, KeyPair, Kind, Mid, Path, Slot};
use crate::net::{Batch, UdpSocket};
use crate::rtp::vp8::{self, Place};
use crate::rtp::{Codec, Extension, Extensions, Header, PayloadTypes};
use crate::shared::Shared;
use crate::srtp::{Keys, MAX_OVERHEAD, Profile};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Counts the calls of each thread.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller's promises are ours.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are ours.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller's promises are ours.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const SOCKET: u32 = 1;
const AUDIO: u32 = 5;
const VIDEOS: [u32; 3] = [10, 11, 12];
const RECEIVERS: u64 = 4;
const RELAY: u64 = 9;
const PROFILE: Profile = Profile::AeadAes128Gcm;
const FRAME_NS: u64 = 33_000_000;

fn keys(number: u8) -> Keys {
    Keys::derive(PROFILE, &[number; 28]).expect("28 bytes are a key and a salt")
}

struct Call {
    worker: Worker,
    batch: Box<Batch>,
    keys: Keys,
    sender: SocketAddr,
    /// Takes what is sent, unread.
    _drain: UdpSocket,
}

fn call() -> Call {
    let shared = Arc::new(Shared::new(1024).expect("eventfds"));
    let mut worker = Worker::new(shared).expect("an epoll and a timer");
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into(), true).expect("a socket");
    let (udp, drain) = (socket(), socket());
    let port = drain.port().expect("a port");
    worker.apply(Instruction::AddSocket { socket: SOCKET, udp });
    let peer = |id: u64| SocketAddr::from(([127, 0, 0, id as u8], port));
    for id in 1..=1 + RECEIVERS {
        join(&mut worker, id, 0, Path { socket: SOCKET, peer: peer(id) });
    }
    join(&mut worker, RELAY, 7, Path { socket: SOCKET, peer: peer(RELAY) });
    for (ssrc, rtx_ssrc) in [(AUDIO, 0), (VIDEOS[0], 90), (VIDEOS[1], 91), (VIDEOS[2], 92)] {
        let slot = Slot { ssrc: 0, rtx_ssrc, whole: true, ..Slot::default() };
        worker.apply(Instruction::Subscribe { receiver: RELAY, sender: 1, ssrc, slot });
    }
    for receiver in 2..=1 + RECEIVERS {
        for (ssrc, rtx_ssrc) in [(AUDIO, 0), (VIDEOS[0], 99)] {
            let mid = Mid::new("v0").expect("short");
            let slot = Slot { ssrc: ssrc + 70, rtx_ssrc, mid, whole: false };
            worker.apply(Instruction::Subscribe { receiver, sender: 1, ssrc, slot });
        }
    }
    Call { worker, batch: Box::default(), keys: keys(1), sender: peer(1), _drain: drain }
}

fn join(worker: &mut Worker, id: u64, mesh: u64, path: Path) {
    worker.apply(Instruction::AddTransport { id, group: 1, mesh, sink: false, rtcp_ssrc: 9 });
    worker.apply(Instruction::Select { id, path });
    let mut types = PayloadTypes::default();
    types.set(100, Codec::Vp8, None);
    types.set(96, Codec::Rtx, Some(100));
    worker.apply(Instruction::SetPayloadTypes { id, payload_types: Box::new(types) });
    let mut extensions = Extensions::default();
    extensions.set(Extension::AudioLevel, 1);
    extensions.set(Extension::TransportCc, 5);
    extensions.set(Extension::AbsSendTime, 3);
    extensions.set(Extension::Mid, 4);
    worker.apply(Instruction::SetExtensions { id, extensions });
    let pair = KeyPair { receive: keys(id as u8), send: keys(100), digest: [id as u8; 32] };
    worker.apply(Instruction::SetKeys { id, keys: Box::new(pair) });
    for (ssrc, kind) in [(AUDIO, Kind::Audio)].into_iter().chain(VIDEOS.map(|v| (v, Kind::Video))) {
        worker.apply(Instruction::AddSource { id, ssrc, kind, repairs: 0 });
    }
    worker.apply(Instruction::SetEncodings { id, ssrcs: VIDEOS.to_vec() });
}

impl Call {
    /// A protected packet with an audio level and a transport-wide number.
    fn packet(&self, ssrc: u32, index: u64, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let number = if ssrc == AUDIO { 111 } else { 100 };
        let mut packet = vec![0x90, number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        packet.extend_from_slice(&[0xbe, 0xde, 0, 2, 0x10, 30, 0x51, 0, index as u8, 0, 0, 0]);
        packet.extend_from_slice(payload);
        Header::rewrite(&mut packet, ssrc, index as u16, timestamp);
        let len = packet.len();
        packet.resize(len + MAX_OVERHEAD, 0);
        let sealed = self.keys.protect_rtp(&mut packet, 24, len, ssrc, index);
        packet.truncate(sealed);
        packet
    }

    /// What one frame's time brings: all encodings, and some audio.
    fn frame(&self, number: u64) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for ssrc in VIDEOS {
            for at in 0..3 {
                let place = Place {
                    start: at == 0,
                    keyframe: number % 60 == 0,
                    picture_id: number as u16 & 0x7fff,
                    tl0_picture_index: number as u8,
                    temporal_layer: 0,
                    size: (640, 360),
                };
                let mut payload = [7; 1_000];
                vp8::write(&mut payload, &place, 900);
                packets.push(self.packet(ssrc, number * 3 + at, number as u32 * 2_970, &payload));
            }
        }
        for at in 0..2 {
            let index = number * 2 + at;
            packets.push(self.packet(AUDIO, index, index as u32 * 960, &[1; 80]));
        }
        packets
    }

    fn take(&mut self, packets: &[Vec<u8>]) {
        for packet in packets {
            self.batch.put(packet, self.sender);
            self.worker.take_batch(SOCKET, &mut self.batch, 1);
        }
        // Telling Python of levels takes an allocation, once in 20 ms.
        self.worker.levels.clear();
        self.worker.notices.clear();
        self.worker.now_ns += FRAME_NS;
    }
}

#[test]
fn forwarding_allocates_nothing() {
    let mut call = call();
    let frames: Vec<_> = (0..400).map(|number| call.frame(number)).collect();
    let (warm, measured) = frames.split_at(200);
    warm.iter().for_each(|packets| call.take(packets));
    let sent = call.worker.snapshot().ledger.get(crate::counter::Counter::PacketsSent);
    let before = CALLS.with(Cell::get);
    measured.iter().for_each(|packets| call.take(packets));
    let calls = CALLS.with(Cell::get) - before;
    let sent = call.worker.snapshot().ledger.get(crate::counter::Counter::PacketsSent) - sent;
    assert_eq!(sent, measured.len() as u64 * (RECEIVERS * (3 + 2) + 9 + 2));
    assert_eq!(calls, 0, "{sent} packets sent");
}
