//! The extended sequence number of a packet (RFC 3711 §3.3.1 and appendix A).

/// The index (roll-over counter << 16 | sequence) closest to `highest`.
///
/// `None` when it would lie before the very first roll-over period.
#[inline]
pub fn estimate(highest: Option<u64>, sequence: u16) -> Option<u64> {
    let Some(highest) = highest else {
        return Some(u64::from(sequence));
    };
    let step = i64::from(sequence.wrapping_sub(highest as u16) as i16);
    u64::try_from(highest as i64 + step).ok()
}

#[cfg(test)]
mod tests {
    use super::estimate;

    #[test]
    fn the_first_packet_starts_period_zero() {
        assert_eq!(estimate(None, 65_000), Some(65_000));
    }

    #[test]
    fn the_counter_rolls_over_forwards_and_back() {
        assert_eq!(estimate(Some(65_535), 0), Some(65_536));
        assert_eq!(estimate(Some(65_536), 65_535), Some(65_535));
        assert_eq!(estimate(Some(0x1_0000), 0x7fff), Some(0x1_7fff));
    }

    #[test]
    fn nothing_lies_before_the_first_period() {
        assert_eq!(estimate(Some(3), 65_535), None);
    }
}
