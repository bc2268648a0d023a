//! Pictures: the encodings a transport sends of one camera or screen, named by the lowest.

use crate::encoding::{GONE_NS, HALTED_NS};
use crate::instruction::{Aim, Kind, Slot};
use crate::source::Source;
use crate::transport::Transport;

/// Most encodings of one picture.
pub const MOST: usize = 8;

impl Transport {
    /// Do something to every encoding of the picture `ssrc`.
    pub fn for_picture(&mut self, ssrc: u32, mut act: impl FnMut(&mut Source)) {
        let Some(first) = self.sources.get_mut(&ssrc) else {
            return;
        };
        act(first);
        let encodings = std::mem::take(&mut first.encodings);
        for other in encodings.iter().filter(|&&other| other != ssrc) {
            if let Some(source) = self.sources.get_mut(other) {
                act(source);
            }
        }
        if let Some(first) = self.sources.get_mut(&ssrc) {
            first.encodings = encodings;
        }
    }

    /// The encodings of the picture `ssrc`, lowest first.
    pub fn encodings(&self, ssrc: u32) -> impl Iterator<Item = (u32, &Source)> {
        let first = self.sources.get(&ssrc);
        let several = first.map_or(&[][..], |first| &first.encodings);
        let alone = first.filter(|_| several.is_empty()).map(|first| (ssrc, first));
        let others = several.iter().filter_map(|other| Some((*other, self.sources.get(other)?)));
        alone.into_iter().chain(others)
    }

    /// The SSRC of one encoding of the picture `ssrc`.
    pub fn encoding_ssrc(&self, ssrc: u32, place: u8) -> Option<u32> {
        let first = self.sources.get(&ssrc)?;
        match first.encodings.get(usize::from(place)) {
            Some(encoding) => Some(*encoding),
            None => (place == 0).then_some(ssrc),
        }
    }

    /// Whether packets of an encoding come.
    pub fn flows(&self, picture: u32, place: u8) -> bool {
        let found = self.encodings(picture).find(|(_, source)| source.place == place);
        found.and_then(|(_, source)| source.encoding.as_ref()).is_some_and(|it| it.active)
    }

    /// Make these video sources one picture; false when one of them isn't such a source.
    ///
    /// What a picture consisted of before and isn't named any more stands alone from now on.
    pub fn set_encodings(&mut self, ssrcs: &[u32]) -> bool {
        let video = |ssrc: &u32| self.sources.get(ssrc).and_then(|source| source.kind);
        if !ssrcs.iter().all(|ssrc| video(ssrc) == Some(Kind::Video)) {
            return false;
        }
        for &ssrc in ssrcs {
            self.dissolve(ssrc);
        }
        let Some(targets) = self.sources.get(&ssrcs[0]).map(|first| first.targets.clone()) else {
            return false;
        };
        for (place, ssrc) in (0..).zip(ssrcs) {
            if let Some(source) = self.sources.get_mut(ssrc) {
                source.picture = ssrcs[0];
                source.place = place;
                source.encodings = if place == 0 { ssrcs.to_vec() } else { Vec::new() };
                // Its own subscribers stay its own only as the picture's first.
                source.targets.clone_from(&targets);
            }
        }
        true
    }

    /// Part the encodings of the picture that `ssrc` belongs to.
    pub fn dissolve(&mut self, ssrc: u32) {
        let Some(picture) = self.sources.get(&ssrc).map(|source| source.picture) else {
            return;
        };
        let Some(first) = self.sources.get_mut(&picture) else {
            return;
        };
        for other in std::mem::take(&mut first.encodings) {
            if let Some(source) = self.sources.get_mut(&other) {
                source.picture = other;
                source.place = 0;
                if other != picture {
                    source.targets.clear();
                }
            }
        }
    }

    /// The best that can be had of what is wanted: the encoding, or the nearest lower one received.
    pub fn attainable(&self, picture: u32, aim: Aim) -> Aim {
        let Some(wanted) = aim.encoding else {
            return aim;
        };
        let flows =
            |source: &Source| source.encoding.as_ref().is_some_and(|encoding| encoding.flows());
        let flowing = self.encodings(picture).filter(|(_, source)| flows(source));
        let best = flowing.map(|(_, source)| source.place).filter(|&place| place <= wanted).max();
        Aim { encoding: Some(best.unwrap_or(wanted)), ..aim }
    }

    /// Which encodings came to a halt or are gone; true when something changed.
    ///
    /// `gone` is told the SSRCs of those that count as gone.
    pub fn watch_picture(&mut self, picture: u32, now_ns: u64, mut gone: impl FnMut(u32)) -> bool {
        let (mut changed, mut newest_below, mut places) = (false, None, [0; MOST]);
        let mut count = 0;
        for (place, (ssrc, _)) in places.iter_mut().zip(self.encodings(picture)) {
            *place = ssrc;
            count += 1;
        }
        for &ssrc in &places[..count] {
            let Some(source) = self.sources.get_mut(&ssrc) else { continue };
            let (last, Some(encoding)) = (source.reception.last_ns, &mut source.encoding) else {
                continue;
            };
            let behind = |limit: u64, now: u64| last.is_none_or(|at| at + limit < now);
            let flowed = encoding.flows();
            if encoding.active && behind(GONE_NS, now_ns) {
                encoding.active = false;
                gone(ssrc);
            }
            let late = newest_below.is_some_and(|newest| behind(HALTED_NS, newest));
            encoding.behind = if late { encoding.behind.saturating_add(1) } else { 0 };
            changed |= flowed != encoding.flows();
            newest_below = newest_below.max(last);
        }
        changed
    }

    /// Whether none of the slot's SSRCs is in use by another downtrack.
    pub fn is_free(&self, slot: &Slot) -> bool {
        let used =
            |ssrc: &u32| self.by_out_ssrc.contains_key(ssrc) || self.by_rtx_ssrc.contains_key(ssrc);
        !used(&slot.ssrc)
            && (slot.rtx_ssrc == 0 || !used(&slot.rtx_ssrc))
            && slot.ssrc != slot.rtx_ssrc
    }
}

#[cfg(test)]
mod tests {
    use crate::instruction::{Aim, Kind};
    use crate::source::{Source, Target};
    use crate::transport::Transport;

    const MS: u64 = 1_000_000;
    const SSRCS: [u32; 3] = [10, 11, 12];

    fn transport() -> Transport {
        let mut transport = Transport::new(1, 1, 0, false, 9, 0);
        for ssrc in SSRCS {
            transport.sources.insert(ssrc, Source::new(ssrc, Some(Kind::Video), 0, false));
        }
        assert!(transport.set_encodings(&SSRCS));
        transport
    }

    fn arrive(transport: &mut Transport, ssrc: u32, at_ns: u64) {
        let source = transport.sources.get_mut(&ssrc).unwrap();
        let index = source.reception.packets;
        source.reception.packet(index, 100, 0, 90_000.0, at_ns);
        source.encoding.as_mut().unwrap().active = true;
    }

    fn best(transport: &Transport, wanted: u8) -> Option<u8> {
        transport.attainable(10, Aim { encoding: Some(wanted), spatial: 2, temporal: 2 }).encoding
    }

    #[test]
    fn what_halts_or_goes_is_replaced_by_the_nearest_below() {
        let mut transport = transport();
        assert_eq!(best(&transport, 2), Some(2));
        arrive(&mut transport, 10, 0);
        assert_eq!(best(&transport, 2), Some(0));
        SSRCS.iter().for_each(|&ssrc| arrive(&mut transport, ssrc, 0));
        assert_eq!(best(&transport, 2), Some(2));
        let mut gone = Vec::new();
        for at in 1..=20 {
            arrive(&mut transport, 10, at * 100 * MS);
            arrive(&mut transport, 11, at * 100 * MS);
            transport.watch_picture(10, at * 100 * MS, |ssrc| gone.push(ssrc));
            let expected = if at < 7 { 2 } else { 1 };
            assert_eq!(best(&transport, 2), Some(expected), "after {at} steps");
        }
        assert_eq!(gone, [12]);
        arrive(&mut transport, 12, 2_000 * MS);
        assert!(transport.watch_picture(10, 2_000 * MS, |_| ()));
        assert_eq!(best(&transport, 2), Some(2));
    }

    #[test]
    fn a_slow_stream_hasnt_halted() {
        let mut transport = transport();
        for frame in 0..5 {
            let at = frame * 1_000 * MS;
            arrive(&mut transport, 10, at);
            // Looked at between the lower encoding's packet and the higher one's.
            transport.watch_picture(10, at, |_| ());
            arrive(&mut transport, 12, at + MS);
            for look in 1..10 {
                transport.watch_picture(10, at + look * 100 * MS, |_| ());
                assert_eq!(best(&transport, 2), Some(2));
            }
        }
    }

    #[test]
    fn encodings_share_their_receivers_until_they_part() {
        let mut transport = transport();
        let target = Target { receiver: 4, downtrack: 5 };
        transport.for_picture(10, |source| source.targets.push(target));
        assert!(SSRCS.iter().all(|ssrc| transport.sources[ssrc].targets == [target]));
        assert_eq!(transport.encoding_ssrc(10, 2), Some(12));
        assert!(!transport.set_encodings(&[10, 99]));
        assert!(transport.set_encodings(&[10, 12]));
        assert_eq!(transport.encoding_ssrc(10, 1), Some(12));
        assert!(transport.sources[&11].targets.is_empty());
        assert_eq!(transport.sources[&11].picture, 11);
        transport.dissolve(12);
        assert_eq!(transport.encodings(10).count(), 1);
    }
}
