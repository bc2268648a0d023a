//! The estimator on simulated lines, and on feedback that nobody would send.

mod link;

use link::{Line, Media, SECOND, Sample, Simulation, mean};
use octoengine::cc::{Estimator, MAX_BPS, MIN_BPS};
use octoengine::rtcp::transport_cc::{Base, Feedback};
use octoengine::rtcp::{Builder, Packets};
use proptest::prelude::*;

const FOLLOWS: Media = Media::Follows(1.0, MAX_BPS);

fn run(line: &Line, media: &Media, seconds: i64) -> Vec<Sample> {
    Simulation::new(line.clone(), media.clone(), 7).run(seconds * SECOND)
}

fn estimate(samples: &[Sample], from: i64, to: i64) -> f64 {
    mean(samples, from * SECOND, to * SECOND, |sample| sample.estimate.bps)
}

fn cut() -> Line {
    let mut line = Line::of(3e6);
    line.capacity.extend([(20 * SECOND, 8e5), (40 * SECOND, 3e6)]);
    line
}

#[test]
fn it_finds_what_a_line_carries_and_keeps_its_queue_short() {
    for bps in [150e3, 300e3, 1e6, 5e6, 12e6] {
        let samples = run(&Line::of(bps), &FOLLOWS, 60);
        let part = estimate(&samples, 15, 60) / bps;
        assert!((0.7..=1.05).contains(&part), "{part} of {bps}");
        let arrived = mean(&samples, 15 * SECOND, 60 * SECOND, |sample| sample.arrived) / bps;
        assert!(arrived > 0.7, "{arrived} of {bps} used");
        let queued = mean(&samples, 15 * SECOND, 60 * SECOND, |sample| sample.queued as f64);
        assert!(queued < 100e3, "{queued} us in the queue at {bps}");
    }
}

#[test]
fn a_cut_is_followed_within_two_seconds_and_its_end_within_ten() {
    for media in [FOLLOWS, Media::Layers(vec![150e3, 500e3, 2.5e6])] {
        let samples = run(&cut(), &media, 60);
        assert!(estimate(&samples, 22, 23) <= 8e5, "{media:?}");
        let low = estimate(&samples, 25, 40);
        assert!((5.6e5..8.4e5).contains(&low), "{low} {media:?}");
        let high = estimate(&samples, 50, 60);
        assert!(high > 2.1e6, "{high} {media:?}");
    }
}

#[test]
fn a_deep_cut_is_found_in_two_seconds_and_not_fallen_far_below() {
    for (queue, least) in [(50_000, 2e5), (100_000, 2e5), (500_000, 2.1e5)] {
        for media in [Media::Follows(1.0, 2.5e6), Media::Layers(vec![150e3, 500e3, 2.5e6])] {
            let mut line = Line { queue, ..Line::of(2.6e6) };
            line.capacity.push((20 * SECOND, 3e5));
            let samples = run(&line, &media, 40);
            let after: Vec<_> = samples.iter().filter(|sample| sample.now > 20 * SECOND).collect();
            let found = after.iter().find(|sample| sample.estimate.bps < 3.15e5);
            assert!(found.unwrap().now <= 22 * SECOND, "{queue} {media:?}");
            let lowest = after.iter().map(|sample| sample.estimate.bps).fold(MAX_BPS, f64::min);
            assert!(lowest > least, "{lowest} {queue} {media:?}");
        }
    }
}

#[test]
fn a_layer_that_fits_again_is_not_given_up_again() {
    let samples = run(&cut(), &Media::Layers(vec![150e3, 500e3, 2.5e6]), 70);
    let media = mean(&samples, 50 * SECOND, 70 * SECOND, |sample| sample.media);
    assert!(media > 2.4e6, "{media}");
}

#[test]
fn five_percent_of_random_loss_do_not_starve_it() {
    let line = Line { loss: 0.05, ..Line::of(3e6) };
    let samples = run(&line, &FOLLOWS, 60);
    let part = estimate(&samples, 15, 60) / 3e6;
    assert!(part > 0.7, "{part}");
    let loss = mean(&samples, 15 * SECOND, 60 * SECOND, |sample| sample.estimate.loss);
    assert!((0.03..0.08).contains(&loss), "{loss}");
}

#[test]
fn heavy_loss_makes_room() {
    let line = Line { loss: 0.25, ..Line::of(3e6) };
    let samples = run(&line, &FOLLOWS, 30);
    assert!(estimate(&samples, 20, 30) < 1e6);
}

#[test]
fn jitter_costs_less_than_half() {
    let line = Line { jitter: 30_000, ..Line::of(3e6) };
    let part = estimate(&run(&line, &FOLLOWS, 60), 15, 60) / 3e6;
    assert!((0.5..=1.1).contains(&part), "{part}");
}

#[test]
fn little_media_says_little_of_a_fast_line() {
    let samples = run(&Line::of(MAX_BPS), &Media::Follows(1.0, 2e5), 60);
    let seen = estimate(&samples, 30, 60);
    assert!((2e5..=2.6e6).contains(&seen), "{seen}");
}

#[test]
fn when_feedback_ends_the_estimate_falls() {
    let line = Line::of(3e6);
    let mut simulation = Simulation::new(line, FOLLOWS, 7);
    let before = simulation.run(10 * SECOND).last().unwrap().estimate.bps;
    for at in (10 * SECOND..30 * SECOND).step_by(20_000) {
        simulation.estimator.sent(1_000, at);
        simulation.estimator.process(at);
    }
    let after = simulation.estimator.estimate().bps;
    assert!(after < before / 10.0, "{before} {after}");
}

#[test]
fn a_line_that_carries_next_to_nothing_is_found_out() {
    for queue in [50_000, 500_000, 2_000_000] {
        for media in [Media::Follows(1.0, 2.5e6), Media::Layers(vec![150e3, 500e3, 2.5e6])] {
            let mut line = Line { queue, ..Line::of(3e6) };
            line.capacity.push((20 * SECOND, 2e4));
            let samples = run(&line, &media, 40);
            let low = estimate(&samples, 30, 40);
            assert!(low < 4e4, "{low} {queue} {media:?}");
        }
    }
}

#[test]
fn packets_that_are_overtaken_are_not_lost() {
    let line = Line { overtaken: 0.2, ..Line::of(3e6) };
    let samples = run(&line, &Media::Follows(1.0, 1e6), 60);
    let loss = mean(&samples, 15 * SECOND, 60 * SECOND, |sample| sample.estimate.loss);
    assert!(loss < 0.02, "{loss}");
    let part = estimate(&samples, 15, 60) / 1e6;
    assert!(part > 1.0, "{part}");
}

#[test]
fn a_pause_in_sending_is_no_silence_of_the_line() {
    let mut simulation = Simulation::new(Line::of(3e6), FOLLOWS, 7);
    let before = simulation.run(10 * SECOND).last().unwrap().estimate.bps;
    for pause in 1..=10 {
        let at = (10 + 60 * pause) * SECOND;
        simulation.estimator.sent(1_000, at);
        simulation.estimator.process(at + 20_000);
    }
    assert_eq!(simulation.estimator.estimate().bps, before);
}

#[test]
fn a_bridge_too_slow_for_its_probes_thinks_no_less_of_the_line() {
    for pads_every in [50_000, SECOND] {
        let media = Media::Layers(vec![150e3, 500e3, 4e6]);
        let mut simulation = Simulation::new(Line::of(5e6), media, 7);
        simulation.pads_every = pads_every;
        let samples = simulation.run(30 * SECOND);
        let lowest = samples.iter().map(|sample| sample.estimate.bps).fold(MAX_BPS, f64::min);
        assert!(lowest >= 2.4e6, "{lowest} {pads_every}");
    }
}

#[test]
fn runs_are_the_same_each_time() {
    let line = Line { loss: 0.02, jitter: 5_000, ..cut() };
    let [one, other] = [run(&line, &FOLLOWS, 10), run(&line, &FOLLOWS, 10)];
    assert!(one.iter().zip(&other).all(|(one, other)| one.estimate == other.estimate));
}

/// The numbers in a text, and the text without them.
fn numbers(text: &str) -> (Vec<f64>, String) {
    let digit = |byte: char| byte.is_ascii_digit() || byte == '.';
    let numbers = text.split(|byte| !digit(byte)).filter_map(|number| number.parse().ok());
    (numbers.collect(), text.chars().filter(|byte| !digit(*byte)).collect())
}

#[test]
fn the_picture_in_the_documentation_is_what_the_estimator_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/explanation/bandwidth.svg");
    let (shown, frame) = numbers(&std::fs::read_to_string(path).unwrap());
    let (drawn, same_frame) = numbers(&link::picture::draw());
    assert_eq!((shown.len(), frame), (drawn.len(), same_frame));
    // Another machine's powers and roots may differ in their last digit.
    let apart = shown.iter().zip(&drawn).map(|(shown, drawn)| (shown - drawn).abs());
    assert!(apart.sum::<f64>() / (drawn.len() as f64) < 1.0);
}

fn tell(estimator: &mut Estimator, base: Base, ticks: &[Option<i32>], now: i64) {
    let mut buffer = [0; 1_200];
    let mut builder = Builder::new(&mut buffer);
    assert!(builder.transport_wide(1, 2, &base, ticks));
    let packet = Packets::new(builder.bytes()).next().unwrap().unwrap();
    estimator.feedback(&Feedback::parse(&packet).unwrap(), &mut Vec::new(), now);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_told_the_estimate_stays_a_number_within_its_bounds(
        steps in proptest::collection::vec(
            (
                0i64..3_000_000, 0usize..40, 0usize..70_000, any::<u16>(),
                -0x80_0000..=0x7f_ffff,
                proptest::collection::vec(proptest::option::of(-0x8000..=0x7fff), 0..60),
                any::<bool>(),
            ),
            1..120,
        ),
    ) {
        let (mut estimator, mut now, mut sent) = (Estimator::new(0), 0i64, 0u16);
        for (wait, packets, size, sequence, reference, ticks, honest) in steps {
            now += wait;
            let first = sent;
            for _ in 0..packets {
                sent = estimator.sent(size, now);
            }
            let sequence = if honest { first.wrapping_add(1) } else { sequence };
            tell(&mut estimator, Base { sequence, reference, number: 0 }, &ticks, now);
            estimator.set_rtt(wait - 1_000_000);
            estimator.want_more(honest);
            estimator.process(now);
            let estimate = estimator.estimate();
            prop_assert!((MIN_BPS..=MAX_BPS).contains(&estimate.bps), "{:?}", estimate);
            prop_assert!((0.0..=1.0).contains(&estimate.loss));
        }
    }
}
