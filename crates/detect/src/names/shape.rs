//! What is measured of a name: fourteen numbers of its form, and its pieces of two and three letters by hash. Owns the measures, scaled
//! so that each is of the order of one; learns nothing.

use super::PIECES;
use super::chain::Chain;

/// Numbers measured.
pub(super) const MEASURES: usize = 14;
/// Letters of a label that are looked at: the longest label of DNS (RFC 1035).
const LETTERS_MAX: usize = 63;
/// Length up to which a longer name is a stranger one, bytes.
const LENGTH_TELLS_MAX: f32 = 24.0;

/// Counts over the letters of a label.
#[derive(Default)]
struct Letters {
    digits: f32,
    vowels: f32,
    hyphens: f32,
    /// Longest run of consonants.
    consonants: f32,
    /// Changes between consonant and vowel, and between digit and letter.
    turns: f32,
    digit_turns: f32,
    hexadecimal: bool,
}

fn letters(label: &[u8]) -> Letters {
    let mut out = Letters { hexadecimal: true, ..Letters::default() };
    let (mut run, mut before) = (0.0f32, None);
    for &byte in label {
        let (digit, vowel) = (byte.is_ascii_digit(), b"aeiouy".contains(&byte));
        let consonant = byte.is_ascii_alphabetic() && !vowel;
        out.digits += f32::from(u8::from(digit));
        out.vowels += f32::from(u8::from(vowel));
        out.hyphens += f32::from(u8::from(byte == b'-'));
        out.hexadecimal &= byte.is_ascii_hexdigit();
        run = if consonant { run + 1.0 } else { 0.0 };
        out.consonants = out.consonants.max(run);
        if let Some((consonant_before, digit_before)) = before {
            out.turns += f32::from(u8::from(consonant_before != consonant));
            out.digit_turns += f32::from(u8::from(digit_before != digit));
        }
        before = Some((consonant, digit));
    }
    out
}

/// Mean, mean of the lowest quarter and of the highest quarter of the letters' log-probabilities.
fn probability(chain: &Chain, label: &str) -> [f32; 3] {
    let mut logs = [0f32; LETTERS_MAX + 1];
    let mut count = 0;
    for (place, value) in logs.iter_mut().zip(chain.logarithms(label)) {
        *place = value;
        count += 1;
    }
    let logs = &mut logs[..count];
    logs.sort_unstable_by(f32::total_cmp);
    let quarter = (count / 4).max(1).min(count);
    let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len().max(1) as f32;
    [mean(logs), mean(&logs[..quarter]), mean(&logs[count - quarter..])]
}

/// The measures of a label in lower case; the first is always 1.
pub(super) fn measures(chain: &Chain, label: &str) -> [f32; MEASURES] {
    let [mean, low, high] = probability(chain, label);
    let length = label.len().clamp(1, LETTERS_MAX) as f32;
    // Beyond this a longer name says no more: weights would be carried on to lengths they were not learned from.
    let long = (length.min(LENGTH_TELLS_MAX) - 12.0) / 6.0;
    let of = letters(label.as_bytes().get(..LETTERS_MAX).unwrap_or(label.as_bytes()));
    [
        1.0,
        (mean + 2.3) * 2.0,
        low + 4.5,
        high + 1.0,
        (mean + 2.2) * length.sqrt(),
        long,
        long * long,
        of.digits / length * 4.0,
        (of.vowels / length - 0.38) * 5.0,
        of.hyphens.min(3.0),
        (of.consonants - 3.0).min(5.0) / 2.0,
        of.turns / length * 3.0 - 1.5,
        of.digit_turns.min(6.0) / 2.0,
        f32::from(u8::from(of.hexadecimal)),
    ]
}

/// Hands the place of each piece of two and three letters, the edges being letters too, to `each`.
pub(super) fn pieces(label: &str, mut each: impl FnMut(usize)) {
    let mut edged = [b'$'; LETTERS_MAX + 2];
    edged[0] = b'^';
    let length = label.len().min(LETTERS_MAX);
    edged[1..=length].copy_from_slice(&label.as_bytes()[..length]);
    let edged = &edged[..length + 2];
    for size in [2usize, 3] {
        for piece in edged.windows(size) {
            each(place(piece));
        }
    }
}

/// FNV-1a over the piece, mixed once more, because its high bits hardly move over three letters.
fn place(piece: &[u8]) -> usize {
    let start = (piece.len() as u64).wrapping_mul(0x9e37_79b9);
    let mut hash = piece.iter().fold(start, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    hash ^= hash >> 29;
    (hash.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as usize & (PIECES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_label_gives_finite_numbers() {
        let chain = Chain::learn(&["example", "names"]);
        for label in ["", "a", "example", "1234567890", "----", "\u{e4}\u{f6}\u{fc}-\u{df}", &"x".repeat(300)] {
            assert!(measures(&chain, label).iter().all(|m| m.is_finite()), "{label}");
            pieces(label, |place| assert!(place < PIECES));
        }
    }

    #[test]
    fn form_is_counted() {
        let of = letters(b"strength-9a");
        assert_eq!((of.digits, of.vowels, of.hyphens, of.consonants, of.digit_turns), (1.0, 2.0, 1.0, 4.0, 2.0));
        assert!(!of.hexadecimal && letters(b"00ff").hexadecimal);
    }
}
