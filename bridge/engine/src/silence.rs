//! Packets not worth reading: silence, and what is force-muted.

/// Level of silence in the audio-level extension (RFC 6464).
const SILENT: u8 = 127;
/// Silent packets that go out before the rest stay: the receiver should hear it become quiet.
const PASSED: u8 = 3;
/// Every so many unread packets one is read after all, or the roll-over counter would be lost.
const SAMPLED: u32 = 64;

/// Why a packet isn't forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    Muted,
    Silent,
}

/// What a source left unheard.
#[derive(Clone, Debug, Default)]
pub struct Silence {
    pub muted: bool,
    pub muted_dropped: u64,
    pub silent_dropped: u64,
    /// All packets dropped, for numbering without gaps.
    pub left_out: u32,
    quiet: u8,
}

impl Silence {
    /// Before decryption: whether the packet may be dropped unread. `level` is as on the wire.
    ///
    /// What a stranger sends with a forged level can only be dropped while the source is silent.
    #[inline]
    pub fn unread(&mut self, level: Option<u8>) -> Option<Unheard> {
        let why = self.judge(level.is_some_and(|level| level & 0x7f == SILENT))?;
        if self.left_out % SAMPLED == SAMPLED - 1 {
            return None;
        }
        Some(self.count(why))
    }

    /// After decryption: whether the packet is dropped.
    #[inline]
    pub fn unheard(&mut self, level: Option<u8>) -> Option<Unheard> {
        let silent = level.is_some_and(|level| level & 0x7f == SILENT);
        let why = self.judge(silent);
        self.quiet = if silent { self.quiet.saturating_add(1) } else { 0 };
        why.map(|why| self.count(why))
    }

    fn judge(&self, silent: bool) -> Option<Unheard> {
        if self.muted {
            Some(Unheard::Muted)
        } else if silent && self.quiet >= PASSED {
            Some(Unheard::Silent)
        } else {
            None
        }
    }

    fn count(&mut self, why: Unheard) -> Unheard {
        self.left_out = self.left_out.wrapping_add(1);
        match why {
            Unheard::Muted => self.muted_dropped += 1,
            Unheard::Silent => self.silent_dropped += 1,
        }
        why
    }
}

#[cfg(test)]
mod tests {
    use super::{Silence, Unheard};

    fn passes(silence: &mut Silence, level: u8) -> bool {
        silence.unread(Some(level)).is_none() && silence.unheard(Some(level)).is_none()
    }

    #[test]
    fn three_silent_packets_pass_and_no_more_until_there_is_sound() {
        let mut silence = Silence::default();
        assert!(passes(&mut silence, 30));
        let passed = (0..500).filter(|_| passes(&mut silence, 0x80 | 127)).count();
        assert_eq!((passed, silence.silent_dropped), (3, 497));
        assert!(passes(&mut silence, 30));
        assert!(passes(&mut silence, 127));
    }

    #[test]
    fn some_unheard_packets_are_read_to_keep_the_count_of_roll_overs() {
        let mut silence = Silence { muted: true, ..Silence::default() };
        let read = (0..640).filter(|_| match silence.unread(None) {
            Some(Unheard::Muted) => false,
            _ => silence.unheard(None) == Some(Unheard::Muted),
        });
        assert_eq!(read.count(), 10);
        assert_eq!((silence.muted_dropped, silence.left_out), (640, 640));
    }

    #[test]
    fn without_levels_nothing_is_silent() {
        let mut silence = Silence::default();
        assert!((0..10).all(|_| silence.unread(None).is_none() && silence.unheard(None).is_none()));
    }
}
