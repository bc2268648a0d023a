//! The picture of `docs/explanation/bandwidth.md`.

use super::{Line, Media, SECOND, Sample, Simulation};
use std::fmt::Write;

const SECONDS: f64 = 60.0;
const MOST_BPS: f64 = 4.5e6;
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;

fn x(seconds: f64) -> f64 {
    LEFT + (WIDTH - LEFT - 20.0) * seconds / SECONDS
}

fn y(bps: f64) -> f64 {
    HEIGHT - 40.0 - (HEIGHT - 40.0 - TOP) * (bps / MOST_BPS).min(1.0)
}

fn curve(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> String {
    let point = |sample: &Sample| {
        format!("{:.1},{:.1}", x(sample.now as f64 / SECOND as f64), y(of(sample)))
    };
    samples.iter().map(point).collect::<Vec<_>>().join(" ")
}

/// A line of 4 Mbit/s that carries a fifth of it for a while, and what the estimator makes of it.
pub fn draw() -> String {
    let mut line = Line { loss: 0.005, jitter: 3_000, ..Line::of(4e6) };
    line.capacity.extend([(20 * SECOND, 8e5), (40 * SECOND, 4e6)]);
    let media = Media::Layers(vec![150e3, 500e3, 2.5e6]);
    let samples = Simulation::new(line, media, 7).run(SECONDS as i64 * SECOND);
    picture(&samples)
}

fn picture(samples: &[Sample]) -> String {
    let mut svg = String::new();
    let mut line = |text: String| writeln!(svg, "{text}").expect("a string takes all");
    line(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">"
    ));
    line(format!("<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>"));
    for megabits in 0..=4 {
        let at = y(f64::from(megabits) * 1e6);
        line(format!(
            "<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{megabits}</text>",
            WIDTH - 20.0,
            LEFT - 8.0,
            at + 4.0
        ));
    }
    for seconds in (0..=60).step_by(10) {
        line(format!(
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{seconds} s</text>",
            x(seconds.into()),
            HEIGHT - 20.0
        ));
    }
    let curves: [(&str, &str, String); 3] = [
        ("#999", "what the line carries", curve(samples, |sample| sample.capacity)),
        ("#2a7", "media that arrives", curve(samples, |sample| sample.media)),
        ("#c33", "the estimate", curve(samples, |sample| sample.estimate.bps)),
    ];
    for (at, (color, name, points)) in curves.iter().enumerate() {
        line(format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"22\" fill=\"{color}\">{name}</text>",
            LEFT + 200.0 * at as f64
        ));
    }
    line(format!("<text x=\"{}\" y=\"22\" text-anchor=\"end\">Mbit/s</text>", WIDTH - 20.0));
    line("</svg>".to_owned());
    svg
}
