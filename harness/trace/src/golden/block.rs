//! The text of a flow in a phase: a head and, indented, what each side said.
//!
//! ```text
//! client>gateway UDP/443 #1 (repeated) at +56 s
//!   > DTLS ClientHello 1.2
//!   < DTLS HelloVerifyRequest
//! ```

/// Who said a line of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Side {
    /// The host before `>` in the name of the flow.
    Opener,
    /// The host behind it.
    Other,
    /// Both, or it does not matter: `closed`.
    Both,
}

impl Side {
    pub(super) const ALL: [Self; 3] = [Self::Opener, Self::Other, Self::Both];

    const fn sign(self) -> &'static str {
        match self {
            Self::Opener => "> ",
            Self::Other => "< ",
            Self::Both => "",
        }
    }
}

/// A line of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) side: Side,
    pub(super) text: String,
    /// 0 without one.
    pub(super) frame: u64,
}

impl Said {
    /// As it stands in a golden, without the indentation.
    pub(super) fn shown(&self) -> String {
        format!("{}{}", self.side.sign(), self.text)
    }
}

/// A flow in a phase, or a line that stands for itself (DNS, routes, ICMP errors): such a line has no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// `client>gateway UDP/443`, with the wire if there are several; the line itself if it is one.
    pub(super) name: String,
    /// Counts the flows of one name in a phase, from 1; 0 for a line.
    pub(super) number: usize,
    /// Whether it began in an earlier phase.
    pub(super) continues: bool,
    /// Whether others were equal to it.
    pub(super) repeated: bool,
    /// Seconds from the beginning of the phase, if that is a long time.
    pub(super) after: Option<u64>,
    /// Frame of its first line.
    pub(super) frame: u64,
    /// In the order of one run; only the order within a side says something.
    pub(super) said: Vec<Said>,
}

impl Block {
    /// A line that stands for itself.
    pub(super) fn line(text: String, frame: u64) -> Self {
        Self { name: text, number: 0, continues: false, repeated: false, after: None, frame, said: Vec::new() }
    }

    pub(super) const fn is_flow(&self) -> bool {
        self.number > 0
    }

    /// What one side said, in its order.
    pub(super) fn side(&self, side: Side) -> impl Iterator<Item = &Said> {
        self.said.iter().filter(move |said| said.side == side)
    }

    /// Whether nobody ever answered: somebody knocked in vain.
    pub(super) fn is_vain(&self) -> bool {
        self.is_flow() && !self.continues && self.said.iter().all(|said| said.side == Side::Opener)
    }

    /// Whether each side says the same as in `other`, in the same order.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        Side::ALL
            .iter()
            .all(|side| self.side(*side).map(|said| &said.text).eq(other.side(*side).map(|said| &said.text)))
    }

    /// Whether each side says the same as in `other` and then falls silent, or goes on likewise.
    pub(super) fn is_beginning_of(&self, other: &Self) -> bool {
        Side::ALL.iter().all(|side| {
            let mut theirs = other.side(*side).map(|said| &said.text);
            self.side(*side).all(|said| theirs.next() == Some(&said.text))
        })
    }

    /// The head.
    pub(super) fn head(&self) -> String {
        let mut head = self.name.clone();
        if self.is_flow() {
            head.push_str(&format!(" #{}", self.number));
        }
        if self.continues {
            head.push_str(CONTINUES);
        }
        if self.repeated {
            head.push_str(REPEATED);
        }
        if let Some(after) = self.after {
            head.push_str(&format!("{AT}{after} s"));
        }
        head
    }

    /// Adds its lines.
    pub(super) fn write(&self, lines: &mut Vec<(String, u64)>) {
        lines.push((self.head(), self.frame));
        lines.extend(self.said.iter().map(|said| (format!("{INDENT}{}", said.shown()), said.frame)));
    }

    fn of_head(head: &str, frame: u64) -> Self {
        let mut rest = head;
        let mut after = None;
        if let Some((before, seconds)) = rest.rsplit_once(AT)
            && let Some(seconds) = seconds.strip_suffix(" s").and_then(|seconds| seconds.parse().ok())
        {
            (rest, after) = (before, Some(seconds));
        }
        let (rest, repeated) = without(rest, REPEATED);
        let (rest, continues) = without(rest, CONTINUES);
        let number = rest.rsplit_once(" #").and_then(|(name, number)| Some((name, number.parse::<usize>().ok()?)));
        match number.filter(|(_, number)| *number > 0) {
            Some((name, number)) => {
                Self { name: name.to_owned(), number, continues, repeated, after, frame, said: Vec::new() }
            }
            None => Self::line(head.to_owned(), frame),
        }
    }
}

const INDENT: &str = "  ";
const CONTINUES: &str = " (continues)";
const REPEATED: &str = " (repeated)";
const AT: &str = " at +";

fn without<'a>(text: &'a str, suffix: &str) -> (&'a str, bool) {
    text.strip_suffix(suffix).map_or((text, false), |rest| (rest, true))
}

/// Reads the lines of a phase.
pub(super) fn blocks(lines: &[(String, u64)]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (line, frame) in lines {
        match (line.strip_prefix(INDENT), blocks.last_mut()) {
            (Some(said), Some(block)) => {
                let said = said.trim_start();
                let signs = [Side::Opener, Side::Other];
                let (side, text) = signs
                    .into_iter()
                    .find_map(|side| Some((side, said.strip_prefix(side.sign())?)))
                    .unwrap_or((Side::Both, said));
                block.said.push(Said { side, text: text.to_owned(), frame: *frame });
            }
            _ => blocks.push(Block::of_head(line, *frame)),
        }
    }
    blocks
}

/// Gives the flows of a phase their numbers.
pub(super) fn number(blocks: &mut [Block]) {
    let mut numbers: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for block in blocks.iter_mut().filter(|block| block.is_flow()) {
        let number = numbers.entry(block.name.clone()).or_default();
        *number += 1;
        block.number = *number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = [
            "client>gateway TCP/443 #1 (continues)",
            "  > TLS application data",
            "  closed",
            "client>gateway UDP/443 on lte #2 (repeated) at +56 s",
            "  > DTLS ClientHello 1.2",
            "  < DTLS HelloVerifyRequest",
            "client asks public outside: A www.example.test = 203.0.113.53",
            "client address POOL#1/32 on tun0",
        ];
        let lines: Vec<(String, u64)> = text.iter().zip(3..).map(|(line, frame)| ((*line).to_owned(), frame)).collect();
        let read = blocks(&lines);
        assert_eq!(read.iter().map(Block::is_flow).collect::<Vec<_>>(), [true, true, false, false]);
        assert_eq!((read[1].after, read[1].repeated, read[1].number), (Some(56), true, 2));
        assert!(read[0].continues && !read[1].continues);
        assert_eq!(read[1].name, "client>gateway UDP/443 on lte");
        let mut written = Vec::new();
        read.iter().for_each(|block| block.write(&mut written));
        assert_eq!(written, lines);
    }

    #[test]
    fn a_line_before_any_head_stands_for_itself() {
        assert_eq!(blocks(&[("  > lost".to_owned(), 0)])[0].name, "  > lost");
        assert_eq!(blocks(&[("flow #0".to_owned(), 0)])[0].name, "flow #0");
    }
}
