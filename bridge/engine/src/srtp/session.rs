//! One direction of an SRTP session: keys, and the per-SSRC state that indexes and replay need.

use super::cipher::{Cipher, Use};
use super::index::estimate;
use super::profile::Profile;
use super::replay::{Verdict, Window};
use ahash::AHashMap;

/// Flag of an SRTCP index: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;
const RTCP_HEADER: usize = 8;

/// Master key and salt don't have the profile's lengths.
#[derive(Debug, PartialEq, Eq)]
pub struct BadKey;

/// Why a packet was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotAuthentic,
    Replayed,
    TooOld,
    TooManyStreams,
}

/// Session keys of one direction. Wiped on drop.
pub struct Keys {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
}

impl Keys {
    /// Session keys from `material`: master key, then master salt.
    pub fn derive(profile: Profile, material: &[u8]) -> Result<Self, BadKey> {
        if material.len() != profile.key_len() + profile.salt_len() {
            return Err(BadKey);
        }
        let (master, salt) = material.split_at(profile.key_len());
        Ok(Self {
            profile,
            rtp: Cipher::new(profile, master, salt, Use::Rtp),
            rtcp: Cipher::new(profile, master, salt, Use::Rtcp),
        })
    }

    /// Fetch the key of RTP, to be used soon.
    #[inline]
    pub fn prefetch(&self) {
        self.rtp.prefetch();
    }

    /// Protect the `len` bytes of RTP at the front of `buffer`; return the new length.
    ///
    /// `buffer` must have `MAX_OVERHEAD` bytes to spare.
    #[inline]
    pub fn protect_rtp(
        &self,
        buffer: &mut [u8],
        header_len: usize,
        len: usize,
        ssrc: u32,
        index: u64,
    ) -> usize {
        let end = len + self.profile.tag_len();
        match &self.rtp {
            Cipher::Gcm(gcm) => {
                let (header, body) = buffer[..len].split_at_mut(header_len);
                let tag = gcm.seal(ssrc, index, header, body);
                buffer[len..end].copy_from_slice(&tag);
            }
            Cipher::Counter(counter) => {
                counter.apply(ssrc, index, &mut buffer[header_len..len]);
                let tag = counter.tag(&buffer[..len], (index >> 16) as u32);
                buffer[len..end].copy_from_slice(&tag);
            }
        }
        end
    }

    /// Authenticate and decrypt in place; return the plain length.
    #[inline]
    pub fn unprotect_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        let len = packet.len().checked_sub(self.profile.tag_len())?;
        if len < header_len {
            return None;
        }
        match &self.rtp {
            Cipher::Gcm(gcm) => {
                let (header, body) = packet.split_at_mut(header_len);
                gcm.open(ssrc, index, header, body).then_some(len)
            }
            Cipher::Counter(counter) => {
                let (plain, tag) = packet.split_at_mut(len);
                if !counter.verify(plain, (index >> 16) as u32, tag) {
                    return None;
                }
                counter.apply(ssrc, index, &mut plain[header_len..]);
                Some(len)
            }
        }
    }

    /// Protect the `len` bytes of compound RTCP at the front of `buffer`; return the new length.
    pub fn protect_rtcp(&self, buffer: &mut [u8], len: usize, index: u32) -> usize {
        let ssrc = sender_ssrc(buffer);
        let word = ENCRYPTED | index;
        match &self.rtcp {
            Cipher::Gcm(gcm) => {
                let aad = rtcp_aad(buffer, word);
                let tag = gcm.seal(ssrc, index.into(), &aad, &mut buffer[RTCP_HEADER..len]);
                buffer[len..len + 16].copy_from_slice(&tag);
                buffer[len + 16..len + 20].copy_from_slice(&word.to_be_bytes());
                len + 20
            }
            Cipher::Counter(counter) => {
                counter.apply(ssrc, index.into(), &mut buffer[RTCP_HEADER..len]);
                let tag = counter.tag(&buffer[..len], word);
                buffer[len..len + 4].copy_from_slice(&word.to_be_bytes());
                buffer[len + 4..len + 14].copy_from_slice(&tag);
                len + 14
            }
        }
    }

    /// The index a protected RTCP packet claims, and its sender; `None` when too short.
    pub fn rtcp_index(&self, packet: &[u8]) -> Option<(u32, u32)> {
        let at = match self.rtcp {
            Cipher::Gcm(_) => packet.len().checked_sub(4)?,
            Cipher::Counter(_) => packet.len().checked_sub(14)?,
        };
        if packet.len() < RTCP_HEADER + self.profile.tag_len() + 4 {
            return None;
        }
        let word = u32::from_be_bytes(packet[at..at + 4].try_into().ok()?);
        // Unencrypted SRTCP (flag 0) is never negotiated by DTLS-SRTP profiles.
        (word & ENCRYPTED != 0).then_some((sender_ssrc(packet), word & !ENCRYPTED))
    }

    /// Authenticate and decrypt in place; return the plain length. Call `rtcp_index` first.
    pub fn unprotect_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Option<usize> {
        let len = packet.len().checked_sub(self.profile.tag_len() + 4)?;
        if len < RTCP_HEADER {
            return None;
        }
        let word = ENCRYPTED | index;
        match &self.rtcp {
            Cipher::Gcm(gcm) => {
                let aad = rtcp_aad(packet, word);
                let sealed = &mut packet[RTCP_HEADER..len + 16];
                gcm.open(ssrc, index.into(), &aad, sealed).then_some(len)
            }
            Cipher::Counter(counter) => {
                let (plain, trailer) = packet.split_at_mut(len);
                if !counter.verify(plain, word, &trailer[4..]) {
                    return None;
                }
                counter.apply(ssrc, index.into(), &mut plain[RTCP_HEADER..]);
                Some(len)
            }
        }
    }
}

fn sender_ssrc(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]])
}

fn rtcp_aad(packet: &[u8], word: u32) -> [u8; 12] {
    let mut aad = [0; 12];
    aad[..8].copy_from_slice(&packet[..8]);
    aad[8..].copy_from_slice(&word.to_be_bytes());
    aad
}

/// Receiving direction: keys and one replay window a stream.
pub struct Receiver {
    keys: Keys,
    rtp: AHashMap<u32, Window>,
    rtcp: AHashMap<u32, Window>,
    most: usize,
}

impl Receiver {
    /// A fresh session of at most so many streams.
    pub fn new(keys: Keys, most: usize) -> Self {
        Self { keys, rtp: AHashMap::new(), rtcp: AHashMap::new(), most }
    }

    /// Unprotect an RTP packet in place; return its plain length and its index.
    #[inline]
    pub fn rtp(
        &mut self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        sequence: u16,
    ) -> Result<(usize, u64), Refusal> {
        if let Some(window) = self.rtp.get_mut(&ssrc) {
            let index = estimate(window.highest(), sequence).ok_or(Refusal::TooOld)?;
            judge(window, index)?;
            let len = self.keys.unprotect_rtp(packet, header_len, ssrc, index);
            let len = len.ok_or(Refusal::NotAuthentic)?;
            window.commit(index);
            return Ok((len, index));
        }
        if self.rtp.len() >= self.most {
            return Err(Refusal::TooManyStreams);
        }
        let first = self.first(packet, header_len, ssrc, sequence);
        let (len, index) = first.ok_or(Refusal::NotAuthentic)?;
        self.rtp.entry(ssrc).or_default().commit(index);
        Ok((len, index))
    }

    // The first packet that comes of a stream. Its roll-over counter is 0, or 1 when what was missed
    // until now includes the first roll-over: guessed wrongly, nothing of the stream could ever be read.
    #[cold]
    fn first(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        sequence: u16,
    ) -> Option<(usize, u64)> {
        let index = u64::from(sequence);
        let may_have_rolled_over = sequence < 1 << 15;
        // A try that fails spoils the packet.
        let again = may_have_rolled_over.then(|| packet.to_vec());
        if let Some(len) = self.keys.unprotect_rtp(packet, header_len, ssrc, index) {
            return Some((len, index));
        }
        packet.copy_from_slice(&again?);
        let index = index + (1 << 16);
        Some((self.keys.unprotect_rtp(packet, header_len, ssrc, index)?, index))
    }

    /// Take an index of stream `ssrc` as received: its packet came another way, as RTX.
    ///
    /// From then on the packet itself counts as replayed; refused when it came before.
    pub fn claim(&mut self, ssrc: u32, sequence: u16) -> Result<u64, Refusal> {
        let window = self.rtp.get_mut(&ssrc).ok_or(Refusal::TooOld)?;
        let index = estimate(window.highest(), sequence).ok_or(Refusal::TooOld)?;
        judge(window, index)?;
        window.commit(index);
        Ok(index)
    }

    /// Unprotect a compound RTCP packet in place; return its plain length.
    pub fn rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        let (ssrc, index) = self.keys.rtcp_index(packet).ok_or(Refusal::NotAuthentic)?;
        if let Some(window) = self.rtcp.get(&ssrc) {
            judge(window, index.into())?;
        } else if self.rtcp.len() >= self.most {
            return Err(Refusal::TooManyStreams);
        }
        let len = self.keys.unprotect_rtcp(packet, ssrc, index).ok_or(Refusal::NotAuthentic)?;
        self.rtcp.entry(ssrc).or_default().commit(index.into());
        Ok(len)
    }
}

#[inline]
fn judge(window: &Window, index: u64) -> Result<(), Refusal> {
    match window.check(index) {
        Verdict::Fresh => Ok(()),
        Verdict::Replayed => Err(Refusal::Replayed),
        Verdict::TooOld => Err(Refusal::TooOld),
    }
}

/// Sending direction: keys, the SRTCP index, and how far each outgoing stream has come.
///
/// The highest index of a stream outlives its downtrack: starting again below it would use a
/// nonce twice.
pub struct Sender {
    keys: Keys,
    rtcp_index: u32,
    sent: AHashMap<u32, u64>,
}

impl Sender {
    /// A fresh session.
    pub fn new(keys: Keys) -> Self {
        Self { keys, rtcp_index: 0, sent: AHashMap::new() }
    }

    /// The keys, for RTP whose index the caller keeps.
    #[inline]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The highest index sent by an earlier user of this SSRC.
    pub fn highest(&self, ssrc: u32) -> Option<u64> {
        self.sent.get(&ssrc).copied()
    }

    /// Remember how far a stream that now ends has come.
    pub fn remember(&mut self, ssrc: u32, highest: u64) {
        let sent = self.sent.entry(ssrc).or_insert(highest);
        *sent = (*sent).max(highest);
    }

    /// Protect compound RTCP in place with the next index; return the new length.
    pub fn rtcp(&mut self, buffer: &mut [u8], len: usize) -> usize {
        self.rtcp_index = (self.rtcp_index + 1) & (ENCRYPTED - 1);
        self.keys.protect_rtcp(buffer, len, self.rtcp_index)
    }
}
