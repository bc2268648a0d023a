//! How much came in the last second, in small steps.

const STEPS: u64 = 20;
const STEP_NS: u64 = 50_000_000;

/// A sliding sum over one second.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    steps: [u32; STEPS as usize],
    /// The newest step begun.
    newest: u64,
}

impl Rate {
    /// Add `amount` now.
    #[inline]
    pub fn add(&mut self, amount: usize, now_ns: u64) {
        let step = now_ns / STEP_NS;
        if step > self.newest {
            let stale = (step - self.newest).min(STEPS);
            for gone in step + 1 - stale..=step {
                self.steps[(gone % STEPS) as usize] = 0;
            }
            self.newest = step;
        }
        let place = &mut self.steps[(step % STEPS) as usize];
        *place = place.saturating_add(amount as u32);
    }

    /// The sum over the last second.
    pub fn sum(&self, now_ns: u64) -> u64 {
        let step = now_ns / STEP_NS;
        let oldest = (step + 1).saturating_sub(STEPS);
        (oldest..=self.newest.min(step))
            .map(|at| u64::from(self.steps[(at % STEPS) as usize]))
            .sum()
    }

    /// The sum of bytes over the last second as bits a second.
    pub fn bits_per_second(&self, now_ns: u64) -> u64 {
        8 * self.sum(now_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;

    const MS: u64 = 1_000_000;

    #[test]
    fn the_last_second_counts() {
        let mut rate = Rate::default();
        for at in 0..300 {
            rate.add(100, 5_000 * MS + at * 10 * MS);
        }
        assert_eq!(rate.sum(7_999 * MS), 10_000);
        assert!((4_000..=6_000).contains(&rate.sum(8_500 * MS)));
        assert_eq!(rate.sum(9_100 * MS), 0);
        rate.add(7, 60_000 * MS);
        assert_eq!(rate.bits_per_second(60_000 * MS), 56);
    }
}
