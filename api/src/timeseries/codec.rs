//! Columns of numbers as bytes: quantised to whole numbers, compressed with pco.

use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, data_types::Number};
use serde::{Deserialize, Serialize};

/// The most numbers in one column; what claims more is damaged.
pub const MAX_NUMBERS: usize = 1 << 20;

/// Bytes that are no column, or not the one that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a column is damaged")]
pub struct Damaged;

/// Whole numbers, compressed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Numbers {
    /// The smallest; the rest are kept as what they exceed it by.
    base: i64,
    width: Width,
    bytes: Bytes,
}

/// How wide the numbers are above their smallest.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum Width {
    /// All are the smallest.
    Constant,
    U16,
    U32,
    U64,
}

/// Bytes, written and read in one piece.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(|bytes| Self(bytes.to_vec()))
    }
}

impl Numbers {
    /// Compresses numbers.
    #[must_use]
    pub fn pack(numbers: &[i64]) -> Self {
        let base = numbers.iter().copied().min().unwrap_or_default();
        let most = numbers.iter().copied().max().unwrap_or_default();
        let above = |number: &i64| number.wrapping_sub(base).cast_unsigned();
        let (width, bytes) = match above(&most) {
            0 => (Width::Constant, Vec::new()),
            1..=0xffff => {
                #[expect(clippy::cast_possible_truncation, reason = "none is above the largest")]
                let narrow: Vec<u16> = numbers.iter().map(|n| above(n) as u16).collect();
                (Width::U16, compress(&narrow))
            }
            0x1_0000..=0xffff_ffff => {
                #[expect(clippy::cast_possible_truncation, reason = "none is above the largest")]
                let narrow: Vec<u32> = numbers.iter().map(|n| above(n) as u32).collect();
                (Width::U32, compress(&narrow))
            }
            _ => {
                let wide: Vec<u64> = numbers.iter().map(above).collect();
                (Width::U64, compress(&wide))
            }
        };
        Self {
            base,
            width,
            bytes: Bytes(bytes),
        }
    }

    /// The numbers, of which there are `count`.
    pub fn unpack(&self, count: usize) -> Result<Vec<i64>, Damaged> {
        if count > MAX_NUMBERS {
            return Err(Damaged);
        }
        let base = self.base;
        let bytes = &self.bytes.0;
        let whole = |above: u64| base.wrapping_add(above.cast_signed());
        Ok(match self.width {
            Width::Constant => vec![base; count],
            Width::U16 => {
                let narrow: Vec<u16> = decompress(bytes, count)?;
                narrow.into_iter().map(|n| whole(n.into())).collect()
            }
            Width::U32 => {
                let narrow: Vec<u32> = decompress(bytes, count)?;
                narrow.into_iter().map(|n| whole(n.into())).collect()
            }
            Width::U64 => {
                let wide: Vec<u64> = decompress(bytes, count)?;
                wide.into_iter().map(whole).collect()
            }
        })
    }
}

fn compress<T: Number>(numbers: &[T]) -> Vec<u8> {
    // pco refuses an empty column and a wrong configuration, of which there is neither.
    try_compress(numbers).unwrap_or_default()
}

fn try_compress<T: Number>(numbers: &[T]) -> pco::errors::PcoResult<Vec<u8>> {
    let compressor = FileCompressor::default();
    let bytes = compressor.write_header(Vec::new())?;
    let mut chunk = compressor.chunk_compressor(numbers, &ChunkConfig::default())?;
    let bytes = chunk.write_meta(bytes)?;
    chunk.write_page(0, bytes)
}

fn decompress<T: Number + Default>(bytes: &[u8], count: usize) -> Result<Vec<T>, Damaged> {
    let mut numbers = vec![T::default(); count];
    let finished = try_decompress(bytes, &mut numbers).map_err(|_| Damaged)?;
    if finished { Ok(numbers) } else { Err(Damaged) }
}

fn try_decompress<T: Number>(bytes: &[u8], numbers: &mut [T]) -> pco::errors::PcoResult<bool> {
    let (file, rest) = FileDecompressor::new(bytes)?;
    let (mut chunk, rest) = file.chunk_decompressor::<T, _>(rest)?;
    let mut page = chunk.page_decompressor(rest, numbers.len())?;
    Ok(page.read(numbers)?.finished)
}

/// How values became whole numbers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Form {
    /// Times ten to this power, exactly.
    Decimal(u8),
    /// The bits of the value.
    Bits,
    /// Decimals with three or four significant digits.
    Short,
}

impl Form {
    /// The form that keeps all of these values exactly.
    #[must_use]
    pub fn exact(mut values: impl Iterator<Item = f64> + Clone) -> Self {
        let mut power = 0;
        for value in values.clone() {
            while !is_decimal(value, power) {
                power += 1;
                if power > MOST_DIGITS {
                    return Self::Bits;
                }
            }
        }
        // The digits that one value needs can be too many for a large one that came before it.
        if values.all(|value| is_decimal(value, power)) {
            Self::Decimal(power)
        } else {
            Self::Bits
        }
    }

    /// The whole number that stands for the value, the nearest one.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a value beyond a whole number's range becomes the nearest in it"
    )]
    pub fn quantise(self, value: f64) -> i64 {
        match self {
            Self::Decimal(power) => (value * factor(power)).round() as i64,
            Self::Bits => value.to_bits().cast_signed(),
            Self::Short => {
                (value.to_bits() >> SHORT).cast_signed()
                    + (value.to_bits() >> (SHORT - 1) & 1).cast_signed()
            }
        }
    }

    /// The value that the whole number stands for.
    #[must_use]
    pub fn value(self, whole: i64) -> f64 {
        match self {
            Self::Decimal(power) => whole as f64 / factor(power),
            Self::Bits => f64::from_bits(whole.cast_unsigned()),
            Self::Short => f64::from_bits(whole.cast_unsigned() << SHORT),
        }
    }
}

fn is_decimal(value: f64, power: u8) -> bool {
    let scaled = (value * factor(power)).round();
    scaled.abs() < EXACT && (scaled / factor(power)).to_bits() == (value + 0.0).to_bits()
}

fn factor(power: u8) -> f64 {
    POWERS.get(usize::from(power)).copied().unwrap_or(1.0)
}

/// Values of one kind, compressed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Values {
    form: Form,
    numbers: Numbers,
}

impl Values {
    /// Compresses values, exactly.
    #[must_use]
    pub fn pack(values: &[f64]) -> Self {
        let form = Form::exact(values.iter().copied());
        let whole: Vec<i64> = values.iter().map(|value| form.quantise(*value)).collect();
        Self {
            form,
            numbers: Numbers::pack(&whole),
        }
    }

    /// The values, of which there are `count`.
    pub fn unpack(&self, count: usize) -> Result<Vec<f64>, Damaged> {
        let whole = self.numbers.unpack(count)?;
        Ok(whole.into_iter().map(|n| self.form.value(n)).collect())
    }
}

/// Ascending places, some of a longer row.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Places {
    /// Every one from the beginning.
    All(u32),
    /// How many, the first, and how far each is from the one before.
    Some(u32, u32, Numbers),
}

impl Places {
    /// Compresses places, which ascend.
    #[must_use]
    pub fn pack(places: &[u32]) -> Self {
        let count = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let first = places.first().copied().unwrap_or_default();
        if places
            .last()
            .is_none_or(|last| first == 0 && *last + 1 == count)
        {
            return Self::All(count);
        }
        let apart = places.array_windows().map(|[a, b]| i64::from(b - a));
        Self::Some(count, first, Numbers::pack(&apart.collect::<Vec<i64>>()))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::All(count) | Self::Some(count, ..) => *count as usize,
        }
    }

    /// The places, each below `end`.
    pub fn unpack(&self, end: usize) -> Result<Vec<u32>, Damaged> {
        let count = self.count();
        if count > end || count > MAX_NUMBERS {
            return Err(Damaged);
        }
        match self {
            Self::All(count) => Ok((0..*count).collect()),
            Self::Some(_, first, apart) => {
                let mut place = *first;
                let mut places = vec![place];
                for apart in apart.unpack(count.checked_sub(1).ok_or(Damaged)?)? {
                    let apart = u32::try_from(apart).ok().filter(|apart| *apart > 0);
                    place = apart
                        .and_then(|apart| place.checked_add(apart))
                        .ok_or(Damaged)?;
                    places.push(place);
                }
                if (place as usize) < end {
                    Ok(places)
                } else {
                    Err(Damaged)
                }
            }
        }
    }
}

/// Something as bytes, with a checksum, so that damage is noticed before pco sees it.
#[must_use]
pub fn seal<T: Serialize>(content: &T) -> Vec<u8> {
    // Writing to memory fails for no type of this module.
    let mut bytes = postcard::to_allocvec(content).unwrap_or_default();
    bytes.insert(0, FORMAT);
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

/// What [`seal`] made bytes of.
pub fn open<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Damaged> {
    let (content, sum) = bytes.split_last_chunk().ok_or(Damaged)?;
    if crc32fast::hash(content) != u32::from_le_bytes(*sum) {
        return Err(Damaged);
    }
    match content.split_first() {
        Some((&FORMAT, content)) => postcard::from_bytes(content).map_err(|_| Damaged),
        _ => Err(Damaged),
    }
}

const FORMAT: u8 = 1;
/// Whole numbers below are exact in a float.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Digits after the point of what is kept as decimals.
const MOST_DIGITS: u8 = 4;
const POWERS: [f64; 7] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];
/// Bits that the short form leaves out: 9 of a value's mantissa stay, one part in 1024.
const SHORT: u32 = 43;

#[cfg(test)]
mod tests;
