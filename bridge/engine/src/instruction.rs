//! What Python may ask of the engine's thread, already validated.

use crate::net::UdpSocket;
use crate::report::{Snapshot, SourceReport, TransportReport};
use crate::srtp::Keys;
use crate::stream::Shape;
use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use zeroize::Zeroizing;

/// A transport's number, chosen by Python.
pub type TransportId = u64;

/// The CNAME of a transport's sources: what one person sends shares a clock, nothing else does.
pub fn cname(id: TransportId) -> [u8; 16] {
    let digit = |at: usize| b"0123456789abcdef"[(id >> (60 - 4 * at)) as usize & 0xf];
    std::array::from_fn(digit)
}

/// What a source carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Audio,
    Video,
    Rtx,
}

impl Kind {
    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "audio" => Some(Self::Audio),
            "video" => Some(Self::Video),
            "rtx" => Some(Self::Rtx),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Rtx => "rtx",
        }
    }
}

/// A remote address as seen from one of our sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    pub socket: u32,
    pub peer: SocketAddr,
}

/// Session keys of both directions, and a digest that tells the same ones apart from new ones.
pub struct KeyPair {
    pub receive: Keys,
    pub send: Keys,
    pub digest: [u8; 32],
}

/// One command for the engine's thread; `boundary::command` makes them.
pub enum Instruction {
    AddSocket { socket: u32, udp: UdpSocket },
    RemoveSocket { socket: u32, done: SyncSender<()> },
    AddTransport { id: TransportId, group: u64, mesh: u64, sink: bool },
    RemoveTransport { id: TransportId },
    SetIce { id: TransportId, ufrag: String, password: Zeroizing<String> },
    Bind { id: TransportId, path: Path },
    Select { id: TransportId, path: Path },
    SetKeys { id: TransportId, keys: Box<KeyPair> },
    AddSource { id: TransportId, ssrc: u32, kind: Kind },
    RemoveSource { id: TransportId, ssrc: u32 },
    Subscribe { receiver: TransportId, sender: TransportId, ssrc: u32, out_ssrc: u32 },
    Unsubscribe { receiver: TransportId, sender: TransportId, ssrc: u32 },
    SetMuted { id: TransportId, ssrc: u32, muted: bool },
    SendDatagram { path: Path, data: Vec<u8> },
    SendData { id: TransportId, data: Vec<u8> },
    SendRtcp { id: TransportId, data: Vec<u8> },
    StartStream { id: TransportId, ssrc: u32, shape: Shape },
    StopStream { id: TransportId, ssrc: u32 },
    ReportEngine { reply: SyncSender<Snapshot> },
    ReportTransports { ids: Vec<TransportId>, reply: SyncSender<Vec<TransportReport>> },
    ReportSources { ids: Vec<TransportId>, reply: SyncSender<Vec<SourceReport>> },
}

impl Instruction {
    /// The transport that a command is about, where it is about exactly one.
    pub fn transport(&self) -> Option<TransportId> {
        match self {
            Self::RemoveTransport { id }
            | Self::SetIce { id, .. }
            | Self::Bind { id, .. }
            | Self::Select { id, .. }
            | Self::SetKeys { id, .. }
            | Self::AddSource { id, .. }
            | Self::RemoveSource { id, .. }
            | Self::SetMuted { id, .. }
            | Self::SendData { id, .. }
            | Self::SendRtcp { id, .. }
            | Self::StartStream { id, .. }
            | Self::StopStream { id, .. } => Some(*id),
            _ => None,
        }
    }
}
