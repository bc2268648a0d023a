//! SRTP and SRTCP with garbage, and with what was authentic until a byte changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octoengine::rtp::Header;
use octoengine::srtp::{Keys, MAX_OVERHEAD, Profile, Receiver};
use std::cell::RefCell;

const PROFILES: [Profile; 3] =
    [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm, Profile::AesCm128HmacSha1];

fn keys(profile: Profile) -> Keys {
    let material = vec![7; profile.key_len() + profile.salt_len()];
    Keys::derive(profile, &material).expect("as long as the profile wants")
}

thread_local! {
    static SEALING: Vec<Keys> = PROFILES.into_iter().map(keys).collect();
    static OPENING: RefCell<Vec<Receiver>> =
        RefCell::new(PROFILES.into_iter().map(|profile| Receiver::new(keys(profile), 1_024)).collect());
}

fuzz_target!(|data: &[u8]| {
    let [choice, at, packet @ ..] = data else { return };
    let which = usize::from(choice & 0x3f) % PROFILES.len();
    let mut packet = packet.to_vec();
    if choice & 0x80 != 0 {
        seal(which, &mut packet);
        // Now and then unchanged: then it opens.
        if *at != 0 && !packet.is_empty() {
            let place = usize::from(*at) % packet.len();
            packet[place] ^= choice;
        }
    }
    OPENING.with_borrow_mut(|opening| {
        let receiver = &mut opening[which];
        if choice & 0x40 != 0 {
            let before = packet.len();
            assert!(receiver.rtcp(&mut packet).is_ok_and(|len| len > before) == false);
        } else if let Some(header) = Header::parse(&packet) {
            if let Ok((len, _)) =
                receiver.rtp(&mut packet, header.len, header.ssrc, header.sequence)
            {
                assert!(len >= header.len && len < packet.len());
            }
        }
    });
});

fn seal(which: usize, packet: &mut Vec<u8>) {
    let len = packet.len();
    packet.resize(len + MAX_OVERHEAD, 0);
    let sealed = SEALING.with(|sealing| match Header::parse(&packet[..len]) {
        Some(header) => {
            let index = header.sequence.into();
            Some(sealing[which].protect_rtp(packet, header.len, len, header.ssrc, index))
        }
        None if len >= 8 => Some(sealing[which].protect_rtcp(packet, len, 5)),
        None => None,
    });
    packet.truncate(sealed.unwrap_or(len));
}
