//! The captures that are mutated.

use std::path::{Path, PathBuf};

use interop_capture::{CaptureReader, Frame};
use interop_trace::Keys;

use crate::clear;
use crate::dice::Dice;
use crate::files::{self, big_endian_pcapng};
use crate::mutate;
use crate::run::Case;

/// Frames of a part at most; the whole capture comes once in [`WHOLE`] times.
const PART: usize = 10;
const WHOLE: usize = 40;

/// A capture and the keys in it.
#[derive(Debug)]
pub(crate) struct Seed {
    pub(crate) name: String,
    /// Where it is, unless it was made just now.
    pub(crate) path: Option<PathBuf>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) keys: Keys,
    /// The same as text.
    pub(crate) log: Vec<String>,
}

impl Seed {
    fn read(path: PathBuf) -> Self {
        let mut reader = CaptureReader::open(&path).unwrap();
        let (mut frames, mut log) = (Vec::new(), Vec::new());
        while let Some(frame) = reader.next() {
            frames.push(frame.unwrap());
            log.extend(reader.take_secrets().iter().flat_map(|text| text.lines()).map(str::to_owned));
        }
        let mut keys = Keys::new();
        keys.add_log(&log.join("\n"));
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        Self { name, path: Some(path), frames, keys, log }
    }

    /// A conversation that needs no keys.
    pub(crate) fn clear() -> Self {
        Self { name: "clear".into(), path: None, frames: clear::frames(), keys: Keys::new(), log: Vec::new() }
    }

    /// Some frames or all of them, changed.
    pub(crate) fn part<'a>(&'a self, others: &[Frame], dice: &mut Dice) -> Case<'a> {
        let mut frames = if dice.one_in(WHOLE) {
            self.frames.clone()
        } else {
            let from = dice.below(self.frames.len());
            self.frames.iter().skip(from).take(1 + dice.below(PART)).cloned().collect()
        };
        mutate::frames(&mut frames, others, dice);
        Case::Frames { frames, seed: self, raw: dice.one_in(4) }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.is_file() && path.extension().is_some_and(|end| end != "md")).collect();
    paths.sort();
    paths
}

/// Everything that is mutated: the captures of `corpus`, and what is made here.
pub(crate) fn all() -> Vec<Seed> {
    let mut seeds: Vec<_> = captures(&folder()).into_iter().map(Seed::read).chain([Seed::clear()]).collect();
    seeds.sort_by(|one, other| one.name.cmp(&other.name));
    seeds
}

/// The captures of `corpus/kept`.
pub(crate) fn kept() -> Vec<PathBuf> {
    captures(&folder().join("kept"))
}

/// Files of all kinds: ours, and small ones as other programs write them.
pub(crate) fn images() -> Vec<Vec<u8>> {
    let seeds = all();
    let mut images: Vec<_> = seeds.iter().filter_map(|seed| std::fs::read(seed.path.as_ref()?).ok()).collect();
    for (index, kind) in files::kinds().enumerate() {
        let seed = &seeds[index % seeds.len()];
        images.push(kind.file(&seed.frames[..seed.frames.len().min(30)]));
    }
    images.push(big_endian_pcapng(&seeds[0].frames[..30]));
    images
}
