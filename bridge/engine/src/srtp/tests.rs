//! RFC vectors and properties of the whole transform.

use super::derive::{Label, derive};
use super::{Keys, MAX_OVERHEAD, Profile, Receiver, Refusal, Sender};
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

/// RFC 3711 appendix B.3.
#[test]
fn session_keys_match_the_rfc() {
    let (key, salt) =
        (hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6"));
    let derived = |label, length| derive(&key, &salt, label, length).to_vec();
    assert_eq!(derived(Label::RtpEncryption, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derived(Label::RtpSalt, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(
        derived(Label::RtpAuthentication, 20),
        hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
    );
}

const PROFILES: [Profile; 3] =
    [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm, Profile::AesCm128HmacSha1];

fn material(profile: Profile) -> Vec<u8> {
    (0..profile.key_len() + profile.salt_len()).map(|byte| byte as u8 ^ 0x5a).collect()
}

fn pair(profile: Profile) -> (Sender, Receiver) {
    let keys = || Keys::derive(profile, &material(profile)).unwrap();
    (Sender::new(keys()), Receiver::new(keys(), 4))
}

fn packet(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 7]);
    packet.extend_from_slice(payload);
    packet
}

fn protect(sender: &Sender, plain: &[u8], index: u64) -> Vec<u8> {
    let mut buffer = plain.to_vec();
    buffer.resize(plain.len() + MAX_OVERHEAD, 0);
    let len = sender.keys().protect_rtp(&mut buffer, 12, plain.len(), 7, index);
    buffer.truncate(len);
    buffer
}

#[test]
fn every_profile_survives_a_roll_over() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        for index in 65_530u64..65_560 {
            let plain = packet(index as u16, b"payload");
            let mut sealed = protect(&sender, &plain, index);
            let (len, seen) = receiver.rtp(&mut sealed, 12, 7, index as u16).unwrap();
            assert_eq!((&sealed[..len], seen), (&plain[..], index));
        }
    }
}

/// Who misses the first packets of a stream may also have missed its first roll-over.
#[test]
fn a_stream_joined_behind_its_first_roll_over_is_read() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        let plain = packet(3, b"payload");
        let sealed = protect(&sender, &plain, 65_539);
        let (len, index) = receiver.rtp(&mut sealed.clone(), 12, 7, 3).unwrap();
        assert_eq!((len, index), (plain.len(), 65_539));
        assert_eq!(receiver.rtp(&mut sealed.clone(), 12, 7, 3), Err(Refusal::Replayed));
        let mut before = protect(&sender, &packet(65_535, b"late"), 65_535);
        assert_eq!(receiver.rtp(&mut before, 12, 7, 65_535).unwrap().1, 65_535);
    }
}

#[test]
fn noise_before_a_stream_begins_changes_nothing() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        let mut noise = packet(3, &[9; 60]);
        assert_eq!(receiver.rtp(&mut noise, 12, 7, 3), Err(Refusal::NotAuthentic));
        let mut sealed = protect(&sender, &packet(4, b"payload"), 4);
        assert_eq!(receiver.rtp(&mut sealed, 12, 7, 4).unwrap().1, 4);
    }
}

#[test]
fn a_replayed_packet_is_refused() {
    for profile in PROFILES {
        let (sender, mut receiver) = pair(profile);
        let sealed = protect(&sender, &packet(9, b"x"), 9);
        assert!(receiver.rtp(&mut sealed.clone(), 12, 7, 9).is_ok());
        assert_eq!(receiver.rtp(&mut sealed.clone(), 12, 7, 9), Err(Refusal::Replayed));
    }
}

#[test]
fn keys_of_the_wrong_length_are_refused() {
    for profile in PROFILES {
        assert!(Keys::derive(profile, &material(profile)[1..]).is_err());
    }
}

proptest! {
    #[test]
    fn any_flipped_bit_is_noticed(bit in 0usize..8 * 40, which in 0usize..3) {
        let (sender, mut receiver) = pair(PROFILES[which]);
        let mut sealed = protect(&sender, &packet(9, &[1; 28]), 9);
        sealed[bit / 8] ^= 1 << (bit % 8);
        let header = crate::rtp::Header::parse(&sealed);
        let Some(header) = header else { return Ok(()) };
        let refusal = receiver.rtp(&mut sealed, header.len, header.ssrc, header.sequence);
        prop_assert_eq!(refusal, Err(Refusal::NotAuthentic));
    }

    #[test]
    fn rtcp_comes_back_as_it_was(body in proptest::collection::vec(any::<u8>(), 0..300), which in 0usize..3) {
        let (mut sender, mut receiver) = pair(PROFILES[which]);
        let mut plain = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
        plain.extend_from_slice(&body);
        let mut sealed = plain.clone();
        sealed.resize(plain.len() + MAX_OVERHEAD, 0);
        let len = sender.rtcp(&mut sealed, plain.len());
        sealed.truncate(len);
        let mut again = sealed.clone();
        let len = receiver.rtcp(&mut sealed).unwrap();
        prop_assert_eq!(&sealed[..len], &plain[..]);
        prop_assert_eq!(receiver.rtcp(&mut again), Err(Refusal::Replayed));
    }

    #[test]
    fn noise_is_refused_and_nothing_panics(noise in proptest::collection::vec(any::<u8>(), 0..200), which in 0usize..3) {
        let (_, mut receiver) = pair(PROFILES[which]);
        prop_assert!(receiver.rtcp(&mut noise.clone()).is_err());
        if let Some(header) = crate::rtp::Header::parse(&noise) {
            let refusal = receiver.rtp(&mut noise.clone(), header.len, header.ssrc, header.sequence);
            prop_assert!(refusal.is_err());
        }
    }
}
