//! Names as malware makes them up, for training and judging the model of names: one small function a shape, written from the published
//! descriptions (no one's code, no one's lists), seeded, so that a family's names repeat on every machine. Owns shapes and seeds; knows
//! no model. Sources: Plohmann et al., "A Comprehensive Measurement Study of Domain Generating Malware" (USENIX Security 2016), which
//! names arithmetic, hash, word list and permutation schemes; and the descriptions given with each family below.

use record::{AppData, Observation};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A seeded source: splitmix64, for its one line of state.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// From a number.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// 0 ≤ x < `bound`.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
    /// `least` ≤ x ≤ `most`.
    fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }
    fn of<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
    fn letters(&mut self, count: usize, alphabet: &[u8]) -> String {
        (0..count).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

/// One family of generated names.
#[derive(Clone, Copy)]
pub struct Family {
    /// Shape, and after whom.
    pub name: &'static str,
    /// How its letters come about.
    pub shape: Shape,
    make: fn(&mut Seed) -> String,
}

/// How a family makes its letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Drawn one by one.
    Letters,
    /// Digits or letters of a hash.
    Hash,
    /// Made to be spoken.
    Pronounceable,
    /// Put together from words.
    Words,
}

impl Family {
    /// `count` distinct names of the family, each the label that would be registered (no top-level domain).
    #[must_use]
    pub fn names(&self, seed: u64, count: usize) -> Vec<String> {
        let mut seed = Seed::new(seed ^ self.name.bytes().fold(7, |h: u64, b| h.wrapping_mul(131) ^ u64::from(b)));
        let mut seen = BTreeSet::new();
        let mut out = Vec::with_capacity(count);
        // A family of few words can run out of names.
        for _ in 0..count * 4 {
            let name = (self.make)(&mut seed);
            if out.len() < count && seen.insert(name.clone()) {
                out.push(name);
            }
        }
        out
    }
}

const AZ: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const AY: &[u8] = b"abcdefghijklmnopqrstuvwxy";
const HEX: &[u8] = b"0123456789abcdef";
const BASE36: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
const VOWELS: &[u8] = b"aeiou";
const VOWELS_Y: &[u8] = b"aeiouy";
const CONSONANTS: &[u8] = b"bcdfghjklmnpqrstvwxz";

const fn family(name: &'static str, shape: Shape, make: fn(&mut Seed) -> String) -> Family {
    Family { name, shape, make }
}

/// Every family.
pub const FAMILIES: &[Family] = &[
    // Letters drawn one by one, 8 to 11 of them (Porras et al., "An Analysis of Conficker's Logic and Rendezvous Points", 2009).
    family("letters 8-11, after Conficker", Shape::Letters, |s| {
        let n = s.between(8, 11);
        s.letters(n, AZ)
    }),
    // The minimal standard generator (Park and Miller) drawing 8 to 19 letters, after the descriptions of Ramnit.
    family("Park-Miller letters 8-19, after Ramnit", Shape::Letters, park_miller),
    // A quadratic-shaped mix of year, month and day gives 12 to 15 letters up to y, after the descriptions of CryptoLocker.
    family("date mix 12-15 letters, after CryptoLocker", Shape::Letters, date_mix),
    // A linear congruence modulo 2^32, its high bits giving 12 letters, after the descriptions of Tinba.
    family("congruence 12 letters, after Tinba", Shape::Letters, |s| congruence(s, 12, 12, AZ)),
    // Short and long mixed, after the descriptions of Locky.
    family("rotations 5-17 letters, after Locky", Shape::Letters, |s| congruence(s, 5, 17, AY)),
    // After the descriptions of Necurs: 7 to 21 letters.
    family("modular products 7-21 letters, after Necurs", Shape::Letters, |s| congruence(s, 7, 21, AY)),
    // A twister seeded by the date draws 8 to 25 letters, after the descriptions of Qakbot.
    family("twister 8-25 letters, after Qakbot", Shape::Letters, |s| {
        let n = s.between(8, 25);
        s.letters(n, AZ)
    }),
    // Fourteen letters, after the descriptions of Ranbyus.
    family("shifts 14 letters, after Ranbyus", Shape::Letters, |s| s.letters(14, AY)),
    // Eight letters of the left side of the keyboard's rows, chosen by the date (Wolf, FireEye, on Srizbi, 2008).
    family("date letters of one half keyboard, after Srizbi", Shape::Letters, |s| s.letters(8, b"qwertyuiopasdfg")),
    // Letters and digits, 12 to 23, after the descriptions of CoreBot.
    family("letters and digits 12-23, after CoreBot", Shape::Letters, |s| {
        let n = s.between(12, 23);
        s.letters(n, b"abcdefghijklmnopqrstuvwxy012345678")
    }),
    // Sixteen letters and digits, after the descriptions of Chinad.
    family("letters and digits 16, after Chinad", Shape::Letters, |s| s.letters(16, BASE36)),
    // The 32 hexadecimal digits of a hash of the date, after the descriptions of Bamital.
    family("hash in hexadecimal 32, after Bamital", Shape::Hash, |s| s.letters(32, HEX)),
    // One letter and 33 hexadecimal digits of a hash of date and counter, after the descriptions of Dyre.
    family("letter and hash 34, after Dyre", Shape::Hash, |s| {
        let first = s.letters(1, AZ);
        first + &s.letters(33, HEX)
    }),
    // A hash in base 36, 20 to 28 characters, after the descriptions of the later GameOver Zeus.
    family("hash in base 36 20-28, after GameOver Zeus", Shape::Hash, |s| {
        let n = s.between(20, 28);
        s.letters(n, BASE36)
    }),
    // Sixteen characters of base 32 of a hash.
    family("hash in base 32 16", Shape::Hash, |s| s.letters(16, BASE32)),
    // Bytes of a hash folded to letters, some dropped: 11 to 16 letters and few digits, after the descriptions of Murofet.
    family("hash folded to letters 11-16, after Murofet", Shape::Hash, |s| {
        let n = s.between(11, 16);
        s.letters(n, AZ)
    }),
    // Consonant and vowel in turn, after the descriptions of Simda.
    family("consonant and vowel in turn, after Simda", Shape::Pronounceable, |s| {
        let n = s.between(5, 11);
        alternate(s, n, CONSONANTS, VOWELS_Y)
    }),
    // The same, 8 to 15 letters with doubled turns, after the descriptions of Symmi.
    family("vowel and consonant in turn 8-15, after Symmi", Shape::Pronounceable, |s| {
        let n = s.between(8, 15);
        alternate(s, n, VOWELS, CONSONANTS)
    }),
    // Syllables of an onset, a vowel and sometimes a coda, after the descriptions of Pushdo and Vawtrak.
    family("syllables 7-13, after Pushdo", Shape::Pronounceable, syllables),
    // Random letters with an English ending (Royal, Damballa, on Kraken, 2008).
    family("letters with an English ending, after Kraken", Shape::Pronounceable, |s| {
        let n = s.between(6, 9);
        let stem = alternate(s, n, CONSONANTS, VOWELS);
        stem + s.of(&["able", "dom", "hood", "ment", "ness", "ship", "ing", "ly", "er"])
    }),
    // A long phrase of which four letters change, after the descriptions of Banjori.
    family("phrase with four letters changed, after Banjori", Shape::Words, |s| {
        let tail = [s.of(NOUNS), s.of(VERBS), s.of(NOUNS)].concat();
        s.letters(4, AZ) + tail.get(4..).unwrap_or(&tail)
    }),
    // Two words of one list (Geffner, "End-to-End Analysis of a Domain Generating Algorithm Malware Family", 2013, on Suppobox).
    family("two words, after Suppobox", Shape::Words, |s| [s.of(ADJECTIVES), s.of(ADJECTIVES)].concat()),
    // Nouns and verbs in turn until the name is long, after the descriptions of Matsnu.
    family("noun and verb in turn, after Matsnu", Shape::Words, |s| {
        [s.of(NOUNS), s.of(VERBS), s.of(NOUNS), s.of(VERBS)].concat()
    }),
    // Pieces of words of a text strung together, 12 to 23 letters, after the descriptions of Gozi and Rovnix.
    family("pieces of a text, after Gozi", Shape::Words, |s| {
        let mut out = String::new();
        while out.len() < 12 {
            let word = s.of(TEXT);
            out.push_str(&word[..word.len().min(s.between(3, 7))]);
        }
        out.truncate(23);
        out
    }),
];

fn park_miller(s: &mut Seed) -> String {
    let mut state = (s.next() % 0x7fff_fffe) + 1;
    let mut draw = |bound: u64| {
        state = state * 16_807 % 0x7fff_ffff;
        state % bound
    };
    let n = 8 + draw(12);
    (0..n).map(|_| char::from(b'a' + draw(25) as u8)).collect()
}

fn date_mix(s: &mut Seed) -> String {
    let (mut day, mut month, mut year) = (s.next() as u32 | 16, s.next() as u32 | 8, s.next() as u32 | 32);
    let mut step = || {
        day = (day << 9 & 0xffff_fe00) ^ (day >> 8 & 0x00ff_ffff) ^ 11u32.wrapping_mul(day);
        month = 17u32.wrapping_mul(month ^ month >> 13) ^ month << 7;
        year = 13u32.wrapping_mul(year ^ year << 5) ^ year >> 11;
        day ^ month ^ year
    };
    let n = 12 + step() % 4;
    (0..n).map(|_| char::from(b'a' + (step() >> 7) as u8 % 25)).collect()
}

fn congruence(s: &mut Seed, least: usize, most: usize, alphabet: &[u8]) -> String {
    let n = s.between(least, most);
    let mut state = s.next() as u32;
    let mut out = String::with_capacity(n);
    for _ in 0..n {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.push(char::from(alphabet[(state >> 16) as usize % alphabet.len()]));
    }
    out
}

fn alternate(s: &mut Seed, count: usize, first: &[u8], second: &[u8]) -> String {
    let turn = s.below(2);
    (0..count)
        .map(|at| {
            let set = if (at + turn).is_multiple_of(2) { first } else { second };
            char::from(set[s.below(set.len())])
        })
        .collect()
}

fn syllables(s: &mut Seed) -> String {
    const ONSETS: &[&str] = &[
        "b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "x", "z", "br", "ch",
        "fl", "qu",
    ];
    const CODAS: &[&str] = &["", "", "", "n", "r", "s", "l", "x", "m"];
    let n = s.between(7, 13);
    let mut out = String::new();
    while out.len() < n {
        out.push_str(s.of(ONSETS));
        out.push(char::from(VOWELS[s.below(VOWELS.len())]));
        out.push_str(s.of(CODAS));
    }
    out.truncate(n);
    out
}

const NOUNS: &[&str] = &[
    "apple", "arm", "bag", "ball", "bank", "bird", "boat", "bone", "book", "box", "bread", "bridge", "brother", "bus",
    "cake", "camp", "car", "card", "cat", "chair", "child", "city", "cloud", "coat", "corn", "cow", "cup", "dance",
    "day", "desk", "doctor", "dog", "door", "dust", "ear", "egg", "eye", "farm", "father", "field", "fire", "fish",
    "floor", "flower", "foot", "friend", "game", "garden", "glass", "gold", "hand", "hat", "head", "hill", "home",
    "horse", "house", "ice", "island", "key", "king", "lake",
];
const VERBS: &[&str] = &[
    "ask", "bake", "become", "begin", "bring", "build", "buy", "call", "carry", "catch", "choose", "climb", "close",
    "come", "cook", "count", "cover", "cross", "cry", "cut", "draw", "drink", "drive", "drop", "eat", "fall", "feed",
    "feel", "fight", "fill", "find", "fly", "follow", "forget", "give", "grow", "hang", "hear", "help", "hide", "hold",
    "jump", "keep", "kick", "know", "laugh", "lead", "learn", "leave", "lift", "listen", "look", "lose", "make",
    "meet", "move", "open", "paint", "pay", "play", "pull", "push",
];
const ADJECTIVES: &[&str] = &[
    "above",
    "afraid",
    "angry",
    "beautiful",
    "better",
    "bitter",
    "bright",
    "broken",
    "careful",
    "cheap",
    "clean",
    "clear",
    "clever",
    "common",
    "cruel",
    "dark",
    "deep",
    "different",
    "difficult",
    "early",
    "electric",
    "empty",
    "enough",
    "equal",
    "famous",
    "foreign",
    "free",
    "fresh",
    "future",
    "general",
    "gentle",
    "glad",
    "grateful",
    "heavy",
    "history",
    "hungry",
    "important",
    "journey",
    "kitchen",
    "language",
    "material",
    "measure",
    "middle",
    "morning",
    "mountain",
    "narrow",
    "natural",
    "necessary",
    "nothing",
    "orange",
    "party",
    "perhaps",
    "pleasant",
    "possible",
    "present",
    "probable",
    "quiet",
    "rather",
    "remember",
    "school",
    "separate",
    "several",
    "simple",
    "smooth",
    "special",
    "straight",
    "strange",
    "strength",
    "sudden",
    "summer",
    "thought",
    "through",
    "together",
    "trouble",
    "various",
    "violent",
    "weather",
    "welcome",
    "window",
    "winter",
    "within",
    "without",
    "yellow",
    "yesterday",
];
const TEXT: &[&str] = &[
    "according",
    "assembly",
    "authority",
    "between",
    "chamber",
    "citizen",
    "commerce",
    "congress",
    "consent",
    "constitute",
    "credit",
    "debate",
    "declare",
    "defence",
    "delegate",
    "district",
    "domestic",
    "duty",
    "elect",
    "establish",
    "executive",
    "exercise",
    "federal",
    "governor",
    "house",
    "immediate",
    "impeach",
    "judgment",
    "justice",
    "legislature",
    "liberty",
    "majority",
    "member",
    "nation",
    "navigation",
    "number",
    "oath",
    "office",
    "people",
    "perfect",
    "person",
    "power",
    "president",
    "privilege",
    "proceed",
    "provide",
    "public",
    "quorum",
    "ratify",
    "receipt",
    "representative",
    "respective",
    "secure",
    "senate",
    "session",
    "speaker",
    "state",
    "statute",
    "supreme",
    "territory",
    "tranquil",
    "treasury",
    "union",
    "vacancy",
    "welfare",
];

/// Registered labels looked up and answered in benign captures below the folder of shared data, distinct and sorted: a crawl of popular
/// domains and captures of ordinary networks.
///
/// # Errors
/// A folder or capture that cannot be read.
pub fn ordinary_labels(data: &Path) -> std::io::Result<Vec<String>> {
    let mut labels = BTreeSet::new();
    for folder in ["pcap-attack/dns-tunnel/benign", "pcap-benign"] {
        let mut files = Vec::new();
        captures(&data.join(folder), &mut files)?;
        let mut keep = |seen: &mut Vec<Observation>| {
            for observation in seen.drain(..) {
                if let Observation::App(event) = observation
                    && let AppData::Dns(dns) = &event.data
                    && dns.response
                    && let Some(label) = detect::names::registered_label(&dns.rrname)
                {
                    labels.insert(label.to_owned());
                }
            }
        };
        for file in files {
            crate::replay(&[file], &crate::MeterConfig::default(), 1, &mut |_| {}, &mut keep)
                .map_err(std::io::Error::other)?;
        }
    }
    Ok(labels.into_iter().collect())
}

fn captures(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            captures(&path, files)?;
        } else if path.to_string_lossy().contains(".pcap") && !path.to_string_lossy().contains("unsorted") {
            files.push(path);
        }
    }
    Ok(())
}

/// True for the fifth of ordinary labels that no model learns, so that every model can be judged on them.
#[must_use]
pub fn is_kept_out(label: &str) -> bool {
    let hash = label.bytes().fold(7u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)) >> 20;
    hash.is_multiple_of(5)
}
