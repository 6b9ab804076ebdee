//! Roll-ups: for each minute, quarter of an hour and hour the average, the extremes and the number
//! of a series' samples. Of a counter they are of its rates.

use serde::{Deserialize, Serialize};
use server_scout_wire::Timestamp;

use super::codec::{Damaged, Form, Numbers, Places, open, seal};
use super::segment::PERIOD_MILLIS;
use super::{Shown, rate};

/// How finely a roll-up is kept.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Resolution {
    /// One minute.
    Minute,
    /// Fifteen minutes.
    QuarterHour,
    /// One hour.
    Hour,
}

impl Resolution {
    /// All, the finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::QuarterHour, Self::Hour];

    /// Its length in milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::QuarterHour => 15 * 60_000,
            Self::Hour => 60 * 60_000,
        }
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> i32 {
        match self {
            Self::Minute => 60,
            Self::QuarterHour => 900,
            Self::Hour => 3600,
        }
    }

    /// Milliseconds that one row of the store covers, whole periods: half a day, four days, sixteen.
    #[must_use]
    pub const fn span_millis(self) -> i64 {
        match self {
            Self::Minute => PERIOD_MILLIS,
            Self::QuarterHour => 8 * PERIOD_MILLIS,
            Self::Hour => 32 * PERIOD_MILLIS,
        }
    }

    /// The buckets of one row of the store.
    const fn places(self) -> i64 {
        self.span_millis() / self.millis()
    }
}

/// Samples of a while, taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    /// How many samples.
    pub count: u32,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Bucket {
    /// One sample.
    #[must_use]
    pub fn of(value: f64) -> Self {
        Self {
            count: 1,
            sum: value,
            min: value,
            max: value,
        }
    }

    /// Takes in the samples of another.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            (self.min, self.max) = (other.min, other.max);
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.count = self.count.saturating_add(other.count);
    }

    /// Whether it has samples.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.count > 0
    }

    /// The mean, kept between the extremes, which rounding of the sum could leave.
    #[must_use]
    pub fn average(&self) -> Option<f64> {
        self.is_known()
            .then(|| (self.sum / f64::from(self.count)).clamp(self.min, self.max))
    }
}

/// Samples and the time of each, in milliseconds, ascending.
pub type Samples = [(i64, f64)];

/// What a chart shows of samples. `before` is the reading before the first.
pub fn shown(
    what: Shown,
    before: Option<(i64, f64)>,
    samples: &Samples,
) -> impl Iterator<Item = (i64, f64)> {
    let mut before = before;
    samples.iter().filter_map(move |(at, value)| {
        let last = before.replace((*at, *value));
        let shown = match what {
            Shown::Values => Some(*value),
            Shown::Rates(max_gap) => last.and_then(|(then, last)| {
                let then = Timestamp::from_millis(then);
                rate((then, last), (Timestamp::from_millis(*at), *value), max_gap)
            }),
        };
        shown.map(|value| (*at, value))
    })
}

/// Buckets and the beginning of each, in milliseconds, ascending.
pub type Buckets = Vec<(i64, Bucket)>;

/// The buckets of one resolution.
#[must_use]
pub fn gather(resolution: Resolution, shown: impl Iterator<Item = (i64, f64)>) -> Buckets {
    let mut buckets = Buckets::new();
    for (at, value) in shown {
        put(&mut buckets, resolution, at, &Bucket::of(value));
    }
    buckets
}

/// The buckets of a coarser resolution.
#[must_use]
pub fn coarser(resolution: Resolution, fine: &Buckets) -> Buckets {
    let mut buckets = Buckets::new();
    for (at, bucket) in fine {
        put(&mut buckets, resolution, *at, bucket);
    }
    buckets
}

fn put(buckets: &mut Buckets, resolution: Resolution, at: i64, new: &Bucket) {
    let begin = at.div_euclid(resolution.millis()) * resolution.millis();
    match buckets.last_mut() {
        Some((last, bucket)) if *last == begin => bucket.merge(new),
        _ => buckets.push((begin, *new)),
    }
}

/// How values of buckets become whole numbers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Scale {
    form: Form,
    /// In whole numbers of the form, how many of them are one of what is kept.
    unit: u64,
}

impl Scale {
    /// Rounds values to one part in a thousand of the largest, or finer; rates to one part in a thousand of
    /// each.
    #[must_use]
    pub fn of(what: Shown, buckets: &Buckets) -> Self {
        let extremes = buckets.iter().flat_map(|(_, b)| [b.min, b.max]);
        let form = match (what, Form::exact(extremes.clone())) {
            (Shown::Values, Form::Decimal(power)) => Form::Decimal(power + finer(power, buckets)),
            // Rates are seldom round, and nobody reads more than three digits of one.
            _ => Form::Short,
        };
        let unit = unit(form, &extremes.map(|value| form.quantise(value)));
        Self { form, unit }
    }

    /// The whole number that stands for a value.
    #[must_use]
    pub fn whole(self, value: f64) -> i64 {
        self.form.quantise(value / self.unit as f64)
    }

    /// The value that a whole number stands for.
    #[must_use]
    pub fn value(self, whole: i64) -> f64 {
        self.form.value(whole) * self.unit as f64
    }
}

/// A row of the store.
#[derive(Deserialize, Serialize)]
struct Packed {
    places: Places,
    counts: Numbers,
    scale: Scale,
    averages: Numbers,
    /// How far the extremes are from the average.
    below: Numbers,
    above: Numbers,
}

/// Buckets of one span, sealed.
#[must_use]
pub fn pack(what: Shown, resolution: Resolution, buckets: &Buckets) -> Vec<u8> {
    let places: Vec<u32> = buckets
        .iter()
        .map(|(at, _)| {
            at.div_euclid(resolution.millis())
                .rem_euclid(resolution.places())
        })
        .filter_map(|place| u32::try_from(place).ok())
        .collect();
    let scale = Scale::of(what, buckets);
    let round = |value: f64| scale.whole(value);
    let column = |of: &dyn Fn(&Bucket) -> i64| {
        let numbers: Vec<i64> = buckets.iter().map(|(_, bucket)| of(bucket)).collect();
        Numbers::pack(&numbers)
    };
    let average = |b: &Bucket| round(b.average().unwrap_or_default());
    seal(&Packed {
        places: Places::pack(&places),
        counts: column(&|b| b.count.into()),
        scale,
        averages: column(&average),
        below: column(&|b| average(b).wrapping_sub(round(b.min))),
        above: column(&|b| round(b.max).wrapping_sub(average(b))),
    })
}

/// Digits that averages need beyond those of their samples, so that they have three in all.
fn finer(power: u8, buckets: &Buckets) -> u8 {
    let largest = buckets.iter().map(|(_, bucket)| bucket.max.abs());
    match Form::Decimal(power).quantise(largest.fold(0.0, f64::max)) {
        ..100 => 2,
        100..1000 => 1,
        _ => 0,
    }
}

/// The buckets of a span that [`pack`] sealed.
pub fn unpack(resolution: Resolution, span: i64, bytes: &[u8]) -> Result<Buckets, Damaged> {
    let packed: Packed = open(bytes)?;
    let end = usize::try_from(resolution.places()).map_err(|_| Damaged)?;
    let places = packed.places.unpack(end)?;
    let count = places.len();
    let begin = span.checked_mul(resolution.span_millis()).ok_or(Damaged)?;
    let value = |whole: i64| packed.scale.value(whole);
    let columns = packed
        .counts
        .unpack(count)?
        .into_iter()
        .zip(packed.averages.unpack(count)?)
        .zip(packed.below.unpack(count)?)
        .zip(packed.above.unpack(count)?);
    let buckets = places.into_iter().zip(columns);
    Ok(buckets
        .map(|(place, (((count, average), below), above))| {
            let at = begin.saturating_add(i64::from(place) * resolution.millis());
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            let bucket = Bucket {
                count,
                sum: value(average) * f64::from(count),
                min: value(average.wrapping_sub(below)),
                max: value(average.wrapping_add(above)),
            };
            (at, bucket)
        })
        .collect())
}

/// How many of a form's whole numbers are one of what is kept: a power of ten, so that the largest has
/// at least 500 of them. What never changes is kept exactly.
fn unit(form: Form, numbers: &(impl Iterator<Item = i64> + Clone)) -> u64 {
    let largest = numbers.clone().map(i64::unsigned_abs).max().unwrap_or(0);
    let constant = numbers.clone().min() == numbers.clone().max();
    let mut unit = 1;
    while !constant && form != Form::Short && largest / unit >= 5000 {
        unit *= 10;
    }
    unit
}

#[cfg(test)]
mod tests;
