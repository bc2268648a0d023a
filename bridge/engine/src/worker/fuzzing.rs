//! A worker for fuzzing: what three peers who hold keys may send, and what Python may command.
//!
//! An input is a list of acts, each two bytes (what, and by whom; how many bytes) and its bytes.
//! Every input begins with peers of its own, so that it does the same each time.

use super::Worker;
use crate::instruction::{Aim, Feedback, Instruction, KeyPair, Kind, Mid, Path, Slot};
use crate::net::{Batch, UdpSocket};
use crate::rtp::extension::Extension;
use crate::rtp::{Codec, Extensions, Header, PayloadTypes};
use crate::shared::Shared;
use crate::srtp::{Keys, MAX_OVERHEAD, Profile};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use zeroize::Zeroizing;

const SOCKET: u32 = 1;
const PEERS: u64 = 3;
/// Audio, three encodings, repairs of the first, one H.264 encoding.
const SSRCS: [u32; 6] = [1, 10, 11, 12, 20, 30];
const KINDS: [Kind; 6] =
    [Kind::Audio, Kind::Video, Kind::Video, Kind::Video, Kind::Rtx, Kind::Video];
const TYPES: [(u8, Codec, Option<u8>); 6] = [
    (100, Codec::Vp8, None),
    (107, Codec::H264, None),
    (101, Codec::Vp9, None),
    (41, Codec::Av1, None),
    (111, Codec::Other, None),
    (96, Codec::Rtx, Some(100)),
];

/// See the module.
pub struct Fuzzed {
    worker: Worker,
    batch: Option<Box<Batch>>,
    keys: [Keys; 2],
    next: u64,
    first: u64,
    rtcp_index: u32,
}

fn keys(profile: Profile, number: u8) -> Keys {
    let len = profile.key_len() + profile.salt_len();
    Keys::derive(profile, &vec![number; len]).expect("as long as the profile wants")
}

// The last peer uses the other profile, and so does whoever is sent to.
fn profile(peer: u64) -> Profile {
    if peer == PEERS - 1 { Profile::AesCm128HmacSha1 } else { Profile::AeadAes128Gcm }
}

fn path(id: u64) -> Path {
    // Nobody listens on port 9: what is sent goes nowhere.
    Path { socket: SOCKET, peer: SocketAddr::from(([127, 0, 0, (id % 200) as u8 + 2], 9)) }
}

impl Default for Fuzzed {
    fn default() -> Self {
        let shared = Arc::new(Shared::new(64).expect("eventfds"));
        let mut worker = Worker::new(shared).expect("an epoll and a timer");
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into(), true).expect("a socket");
        worker.apply(Instruction::AddSocket { socket: SOCKET, udp });
        let keys = [0, PEERS - 1].map(|peer| keys(profile(peer), 1));
        Self { worker, batch: Some(Box::default()), keys, next: 1, first: 1, rtcp_index: 0 }
    }
}

impl Fuzzed {
    /// Take one input.
    pub fn run(&mut self, mut input: &[u8]) {
        self.begin();
        while let [act, len, rest @ ..] = input {
            let (data, rest) = rest.split_at(rest.len().min(usize::from(*len)));
            self.act(act >> 2, u64::from(act & 3) % PEERS, data);
            input = rest;
        }
        self.worker.tick();
        self.worker.source_reports(&[]);
        self.worker.downtrack_reports(&[]);
        self.end();
    }

    fn begin(&mut self) {
        self.first = self.next;
        self.next += PEERS;
        self.rtcp_index = 0;
        for peer in 0..PEERS {
            self.add(self.first + peer, peer);
        }
        for (receiver, sender) in [(1, 0), (2, 0), (0, 1), (2, 1)] {
            for (at, ssrc) in SSRCS.into_iter().enumerate() {
                self.subscribe(receiver, sender, ssrc, at as u8);
            }
        }
    }

    fn add(&mut self, id: u64, peer: u64) {
        let rtcp_ssrc = 99;
        let sink = peer == PEERS - 1;
        self.apply(Instruction::AddTransport { id, group: 1, mesh: 0, sink, rtcp_ssrc });
        let password = Zeroizing::new("password".repeat(3));
        self.apply(Instruction::SetIce { id, ufrag: "ufrag".to_owned(), password });
        self.apply(Instruction::Bind { id, path: path(id) });
        self.apply(Instruction::Select { id, path: path(id) });
        let mut payload_types = PayloadTypes::default();
        TYPES.iter().for_each(|&(number, codec, apt)| payload_types.set(number, codec, apt));
        let payload_types = Box::new(payload_types);
        self.apply(Instruction::SetPayloadTypes { id, payload_types });
        let mut extensions = Extensions::default();
        for (number, extension) in (1..).zip([
            Extension::AudioLevel,
            Extension::AbsSendTime,
            Extension::TransportCc,
            Extension::Mid,
            Extension::VideoOrientation,
        ]) {
            extensions.set(extension, number);
        }
        self.apply(Instruction::SetExtensions { id, extensions });
        let feedback = Feedback { transport_cc: peer != 1, remb: peer == 1, nack: true };
        self.apply(Instruction::SetFeedback { id, feedback });
        let (receive, send) = (keys(profile(peer), 1), keys(profile(peer), 2));
        let digest = [id as u8; 32];
        self.apply(Instruction::SetKeys { id, keys: Box::new(KeyPair { receive, send, digest }) });
        for (ssrc, kind) in SSRCS.into_iter().zip(KINDS) {
            let repairs = if kind == Kind::Rtx { SSRCS[1] } else { 0 };
            self.apply(Instruction::AddSource { id, ssrc, kind, repairs });
        }
        self.apply(Instruction::SetEncodings { id, ssrcs: SSRCS[1..4].to_vec() });
    }

    fn subscribe(&mut self, receiver: u64, sender: u64, ssrc: u32, at: u8) {
        let (receiver, sender) = (self.first + receiver, self.first + sender);
        let own = 1_000 * (sender % PEERS + 1) as u32 + u32::from(at % 6);
        let mid = Mid::new("v1").expect("short");
        let whole = at & 8 != 0;
        let slot = Slot { ssrc: own, rtx_ssrc: own + 100 * u32::from(at & 1), mid, whole };
        self.apply(Instruction::Subscribe { receiver, sender, ssrc, slot });
    }

    fn end(&mut self) {
        for id in self.first..self.next {
            self.apply(Instruction::RemoveTransport { id });
        }
        self.worker.notices.clear();
        self.worker.levels.clear();
        self.worker.flush();
    }

    fn apply(&mut self, instruction: Instruction) {
        self.worker.apply(instruction);
    }

    fn act(&mut self, what: u8, peer: u64, data: &[u8]) {
        match what % 8 {
            0 => self.arrives(peer, data),
            1 => self.protected_rtp(peer, data),
            2 | 3 => self.made_rtp(peer, data),
            4 => self.protected_rtcp(peer, data),
            5 => self.made_rtcp(peer, data),
            6 => self.command(peer, data),
            _ => self.later(data),
        }
    }

    fn arrives(&mut self, peer: u64, datagram: &[u8]) {
        let Some(mut batch) = self.batch.take() else { return };
        batch.put(datagram, path(self.first + peer).peer);
        self.worker.take_batch(SOCKET, &mut batch, 1);
        self.batch = Some(batch);
    }

    fn key(&self, peer: u64) -> &Keys {
        &self.keys[usize::from(peer == PEERS - 1)]
    }

    fn protected_rtp(&mut self, peer: u64, packet: &[u8]) {
        let Some(header) = Header::parse(packet) else {
            return self.arrives(peer, packet);
        };
        let mut sealed = vec![0; packet.len() + MAX_OVERHEAD];
        sealed[..packet.len()].copy_from_slice(packet);
        let index = header.sequence.into();
        let keys = self.key(peer);
        let len = keys.protect_rtp(&mut sealed, header.len, packet.len(), header.ssrc, index);
        self.arrives(peer, &sealed[..len]);
    }

    /// A packet of a known source and type: the input gives numbers, extensions, payload.
    fn made_rtp(&mut self, peer: u64, data: &[u8]) {
        let [flags, sequence, time, extension, payload @ ..] = data else { return };
        let kind = usize::from(flags & 0x7) % SSRCS.len();
        let (number, _, _) = TYPES[usize::from(flags >> 3 & 0x7) % TYPES.len()];
        let mut packet = vec![0x80, number | (flags & 0x80)];
        packet.extend_from_slice(&u16::from(*sequence).to_be_bytes());
        packet.extend_from_slice(&(u32::from(*time) * 3_000).to_be_bytes());
        packet.extend_from_slice(&SSRCS[kind].to_be_bytes());
        if extension & 1 != 0 {
            packet[0] |= 0x10;
            packet.extend_from_slice(&[0xbe, 0xde, 0, 2, 0x10, extension >> 1]);
            packet.extend_from_slice(&[0x31, *sequence, *time, 0, 0, 0]);
        }
        packet.extend_from_slice(payload);
        self.protected_rtp(peer, &packet);
    }

    fn protected_rtcp(&mut self, peer: u64, compound: &[u8]) {
        if compound.len() < 8 {
            return self.arrives(peer, compound);
        }
        let mut sealed = vec![0; compound.len() + MAX_OVERHEAD];
        sealed[..compound.len()].copy_from_slice(compound);
        self.rtcp_index += 1;
        let index = self.rtcp_index;
        let len = self.key(peer).protect_rtcp(&mut sealed, compound.len(), index);
        self.arrives(peer, &sealed[..len]);
    }

    /// One packet about known streams: the input gives kind, format and body.
    fn made_rtcp(&mut self, peer: u64, data: &[u8]) {
        let [kind, format, about, body @ ..] = data else { return };
        let kind = 200 + kind % 8;
        let of = u32::from(about >> 3 & 3) * 1_000;
        let media = if of == 0 { SSRCS[usize::from(about & 7) % 6] } else { of + 1 };
        let words = 2 + body.len() / 4;
        let mut packet = vec![0x80 | (format & 0x1f), kind];
        packet.extend_from_slice(&(words as u16).to_be_bytes());
        packet.extend_from_slice(&SSRCS[0].to_be_bytes());
        packet.extend_from_slice(&media.to_be_bytes());
        packet.extend_from_slice(&body[..body.len() / 4 * 4]);
        self.protected_rtcp(peer, &packet);
    }

    fn command(&mut self, peer: u64, data: &[u8]) {
        let [what, first, second, ..] = *data else { return };
        let other = u64::from(second) % PEERS;
        let (id, sender) = (self.first + peer, self.first + other);
        let ssrc = SSRCS[usize::from(first) % SSRCS.len()];
        match what % 8 {
            0 => {
                let encoding = (second & 3 != 3).then_some(second & 3);
                let (spatial, temporal) = (second >> 4 & 3, second >> 2 & 3);
                let aim = Aim { encoding, spatial, temporal };
                self.apply(Instruction::SetTarget { receiver: id, sender, ssrc, aim });
            }
            1 => self.apply(Instruction::Unsubscribe { receiver: id, sender, ssrc }),
            2 => self.subscribe(peer, other, ssrc, first),
            3 => self.apply(Instruction::SetMuted { id, ssrc, muted: second & 1 != 0 }),
            4 => self.apply(Instruction::RequestKeyframe { id, ssrc }),
            5 => self.apply(Instruction::RemoveSource { id, ssrc }),
            6 => {
                let bits_per_second = u64::from(first) * 10_000;
                self.apply(Instruction::SetProbing { id, bits_per_second });
            }
            _ => {
                let (receive, send) = (keys(profile(peer), 1), keys(profile(peer), second));
                let digest = [second; 32];
                let keys = Box::new(KeyPair { receive, send, digest });
                self.apply(Instruction::SetKeys { id, keys });
            }
        }
    }

    fn later(&mut self, data: &[u8]) {
        let steps = data.first().copied().unwrap_or(1);
        self.worker.now_ns += u64::from(steps) * 5_000_000;
        self.worker.tick();
    }
}
