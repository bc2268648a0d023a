//! RTP header extensions (RFC 8285), one-byte and two-byte forms. Reading is total on any input.

/// Header extensions we know by their URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Extension {
    AudioLevel,
    AbsSendTime,
    TransportCc,
    Mid,
    VideoOrientation,
    DependencyDescriptor,
    LayersAllocation,
}

const KNOWN: usize = 7;
const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;
/// Of the two-byte form's 16 bits, the last four are the application's.
const TWO_BYTE_MASK: u16 = 0xfff0;
/// Most that an element of the one-byte form holds.
const ONE_BYTE_MOST: usize = 16;
/// Longest mid we stamp.
pub const LONGEST_MID: usize = ONE_BYTE_MOST;
/// Most that `Block` ever writes beyond what the packet carried itself: header, the five elements
/// that are stamped, two that are copied, padding.
pub const MOST_WRITTEN: usize = 4 + 3 + 3 + 5 + 4 + (2 + LONGEST_MID) + 2 + 2 + 3;

impl Extension {
    /// The extension of this URI.
    pub fn parse(uri: &str) -> Option<Self> {
        Some(match uri {
            "urn:ietf:params:rtp-hdrext:ssrc-audio-level" => Self::AudioLevel,
            "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time" => Self::AbsSendTime,
            "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" => {
                Self::TransportCc
            }
            "urn:ietf:params:rtp-hdrext:sdes:mid" => Self::Mid,
            "urn:3gpp:video-orientation" => Self::VideoOrientation,
            "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension" => {
                Self::DependencyDescriptor
            }
            "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00" => {
                Self::LayersAllocation
            }
            _ => return None,
        })
    }
}

/// Which number each known extension has with one peer; 0 = not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions([u8; KNOWN]);

impl Extensions {
    /// Give `extension` a number.
    pub fn set(&mut self, extension: Extension, id: u8) {
        self.0[extension as usize] = id;
    }

    /// The number of `extension`, if negotiated.
    #[inline]
    pub fn id(&self, extension: Extension) -> Option<u8> {
        let id = self.0[extension as usize];
        (id != 0).then_some(id)
    }

    /// What a packet carries of what the engine uses. `header` is all up to the payload.
    #[inline]
    pub fn read(&self, header: &[u8]) -> Values {
        let mut values = Values::default();
        let known = |id: u8, extension: Extension| id == self.0[extension as usize];
        for (id, data) in Elements::of(header) {
            match *data {
                [level] if known(id, Extension::AudioLevel) => values.audio_level = Some(level),
                // The two-byte form may pad the level with a second, zero byte (RFC 6464 §3).
                [level, 0] if known(id, Extension::AudioLevel) => values.audio_level = Some(level),
                [orientation] if known(id, Extension::VideoOrientation) => {
                    values.video_orientation = Some(orientation);
                }
                [a, b] if known(id, Extension::TransportCc) => {
                    values.transport_cc = Some(u16::from_be_bytes([a, b]));
                }
                [a, b, c] if known(id, Extension::AbsSendTime) => {
                    values.abs_send_time = Some(u32::from_be_bytes([0, a, b, c]));
                }
                _ if known(id, Extension::DependencyDescriptor) => {
                    values.descriptor = Span::of(header, data);
                }
                _ if known(id, Extension::LayersAllocation) => {
                    values.layers = Span::of(header, data);
                }
                _ => {}
            }
        }
        values
    }

    // Identifiers 1..14 fit the one-byte form.
    fn form(&self) -> u16 {
        if self.0.iter().all(|&id| id <= 14) { ONE_BYTE } else { TWO_BYTE }
    }
}

/// The values the engine reads from a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Voice flag and level, as on the wire.
    pub audio_level: Option<u8>,
    pub video_orientation: Option<u8>,
    /// Transport-wide sequence number.
    pub transport_cc: Option<u16>,
    /// Seconds of send time, 6.18 fixed point.
    pub abs_send_time: Option<u32>,
    /// What relays get as it is.
    pub descriptor: Span,
    pub layers: Span,
}

/// Where in a packet an element's data lies; of no length when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    at: u16,
    len: u8,
}

impl Span {
    // `data` is a part of `header`; what doesn't fit the numbers is none.
    fn of(header: &[u8], data: &[u8]) -> Self {
        let at = (data.as_ptr() as usize).wrapping_sub(header.as_ptr() as usize);
        match (u16::try_from(at), u8::try_from(data.len())) {
            (Ok(at), Ok(len)) => Self { at, len },
            _ => Self::default(),
        }
    }

    /// The data in the packet that it was read from.
    #[inline]
    pub fn within<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        let at = usize::from(self.at);
        packet.get(at..at + usize::from(self.len)).unwrap_or_default()
    }
}

/// Iterator over the elements of a packet's extension block.
pub struct Elements<'a> {
    data: &'a [u8],
    two_byte: bool,
}

impl<'a> Elements<'a> {
    /// The elements in `header`; none when it has no block, or one of another form.
    #[inline]
    pub fn of(header: &'a [u8]) -> Self {
        Self::find(header).unwrap_or(Self { data: &[], two_byte: false })
    }

    fn find(header: &'a [u8]) -> Option<Self> {
        let first = *header.first()?;
        if first & 0x10 == 0 {
            return None;
        }
        let block = header.get(12 + 4 * usize::from(first & 0x0f)..)?;
        let (profile, rest) = block.split_first_chunk::<2>()?;
        let (words, data) = rest.split_first_chunk::<2>()?;
        let data = data.get(..4 * usize::from(u16::from_be_bytes(*words)))?;
        let profile = u16::from_be_bytes(*profile);
        let two_byte = profile & TWO_BYTE_MASK == TWO_BYTE;
        (two_byte || profile == ONE_BYTE).then_some(Self { data, two_byte })
    }

    fn element(&mut self, head: u8) -> Option<(u8, &'a [u8])> {
        let (id, len, start) = if self.two_byte {
            (head, usize::from(*self.data.get(1)?), 2)
        } else {
            // 15 is reserved, and 0 is padding without a length: whatever follows must be left
            // alone (RFC 8285 §4.2).
            (Some(head >> 4).filter(|id| (1..15).contains(id))?, usize::from(head & 0x0f) + 1, 1)
        };
        let value = self.data.get(start..start + len)?;
        self.data = &self.data[start + len..];
        Some((id, value))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.data.first()? {
                0 => self.data = &self.data[1..],
                head => {
                    let element = self.element(head);
                    if element.is_none() {
                        self.data = &[];
                    }
                    return element;
                }
            }
        }
    }
}

/// What is put into the extension block of an outgoing packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps<'a> {
    pub audio_level: Option<u8>,
    pub video_orientation: Option<u8>,
    pub abs_send_time: Option<u32>,
    pub transport_cc: Option<u16>,
    /// Empty = none, like those below.
    pub mid: &'a [u8],
    pub descriptor: &'a [u8],
    pub layers: &'a [u8],
}

/// Write an extension block with what `stamps` has and the peer negotiated; return its length.
///
/// 0 when there is nothing to write. `out` must have `MOST_WRITTEN` bytes, and those copied.
#[inline]
pub fn write(out: &mut [u8], extensions: &Extensions, stamps: &Stamps<'_>) -> usize {
    let long = stamps.descriptor.len().max(stamps.layers.len()) > ONE_BYTE_MOST;
    let form = if long { TWO_BYTE } else { extensions.form() };
    let mut block = Block { out, len: 4, two_byte: form == TWO_BYTE };
    if let (Some(id), Some(level)) = (extensions.id(Extension::AudioLevel), stamps.audio_level) {
        block.push(id, &[level]);
    }
    let orientation = (extensions.id(Extension::VideoOrientation), stamps.video_orientation);
    if let (Some(id), Some(value)) = orientation {
        block.push(id, &[value]);
    }
    if let (Some(id), Some(time)) = (extensions.id(Extension::AbsSendTime), stamps.abs_send_time) {
        block.push(id, &time.to_be_bytes()[1..]);
    }
    if let (Some(id), Some(number)) = (extensions.id(Extension::TransportCc), stamps.transport_cc) {
        block.push(id, &number.to_be_bytes());
    }
    if let (Some(id), true) = (extensions.id(Extension::Mid), !stamps.mid.is_empty()) {
        block.push(id, stamps.mid);
    }
    let copied = [
        (Extension::DependencyDescriptor, stamps.descriptor),
        (Extension::LayersAllocation, stamps.layers),
    ];
    for (extension, data) in copied {
        if let (Some(id), true) = (extensions.id(extension), !data.is_empty()) {
            block.push(id, data);
        }
    }
    block.close(form)
}

struct Block<'a> {
    out: &'a mut [u8],
    len: usize,
    two_byte: bool,
}

impl Block<'_> {
    #[inline]
    fn push(&mut self, id: u8, data: &[u8]) {
        if self.two_byte {
            self.out[self.len] = id;
            self.out[self.len + 1] = data.len() as u8;
            self.len += 2;
        } else {
            self.out[self.len] = id << 4 | (data.len() as u8 - 1);
            self.len += 1;
        }
        self.out[self.len..self.len + data.len()].copy_from_slice(data);
        self.len += data.len();
    }

    fn close(self, form: u16) -> usize {
        if self.len == 4 {
            return 0;
        }
        let end = self.len.next_multiple_of(4);
        self.out[self.len..end].fill(0);
        self.out[..2].copy_from_slice(&form.to_be_bytes());
        self.out[2..4].copy_from_slice(&((end / 4 - 1) as u16).to_be_bytes());
        end
    }
}

/// Seconds as abs-send-time has them: 6.18 fixed point of any clock.
pub fn abs_send_time(now_ns: u64) -> u32 {
    ((u128::from(now_ns) << 18) / 1_000_000_000) as u32 & 0xff_ffff
}

#[cfg(test)]
mod tests;
