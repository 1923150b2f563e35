//! What of a typed block decides whether its lines hold a needle: which choices, and which variables.
//!
//! A needle lies inside the text of one literal, or it lies in a variable, in part at least. Of a variable only its alphabet is
//! known before it is read; what can be open at its ends is found with that, from both sides. A variable that nothing can come
//! to an end in, and behind which nothing is open that can still come to one, need not be read.

use super::automaton::{Automaton, START};
use super::column::{Kind, Outline};
use crate::needles::{Needles, Open};

/// After so many rounds over all states those that lie on the way to a hit are known, or all are taken for such.
const MOST_ROUNDS: usize = 8;

/// Of the variables of a block this share may be gone through byte by byte: with more of them a search is slower than making
/// the lines.
const MOST_READ: (usize, usize) = (3, 4);

/// What a literal and the variable behind it mean to a search.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Role {
    /// What is open behind the text of the literal, of needles that begin in it.
    pub(super) open: Open,
    /// Whether the text of the literal holds a needle.
    pub(super) is_hit: bool,
    /// Whether the variable behind it decides something, if it is not decided before.
    pub(super) reads_value: bool,
    /// Whether it does so for needles that begin in it, too.
    pub(super) begins_in_value: bool,
    /// Whether the column of that variable is read.
    pub(super) counts_value: bool,
    /// Whether what follows it matters.
    pub(super) is_live: bool,
}

/// What is known of a column before it is read, and what that says to a search.
#[derive(Debug, Clone, Default)]
pub(super) struct Outlook {
    /// Of its alphabet.
    mask: Open,
    may_be_empty: bool,
    /// Number of values.
    count: usize,
    /// No value has more bytes.
    longest: usize,
    /// What before a value can come to an end in it or behind it.
    useful: Open,
    /// Whether its values are read.
    pub(super) is_read: bool,
}

/// What a search has to look at; keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// One a state.
    roles: Vec<Role>,
    columns: Vec<Outlook>,
}

impl Plan {
    /// Forgets all columns.
    pub(super) fn clear(&mut self) {
        self.columns.clear();
    }

    /// Takes note of the next column, whose words, where it has a list of them, are made of these bytes.
    pub(super) fn column(&mut self, outline: &Outline, word_bytes: &[u8], needles: &Needles) {
        let (mask, may_be_empty) = match outline.kind {
            Kind::Decimal | Kind::Padded(_) | Kind::Ranked => (needles.mask(b'0'..=b'9'), false),
            Kind::HexLower(_) => (needles.mask((b'0'..=b'9').chain(b'a'..=b'f')), false),
            Kind::HexUpper(_) => (needles.mask((b'0'..=b'9').chain(b'A'..=b'F')), false),
            Kind::Uuid => (needles.mask((b'0'..=b'9').chain(b'a'..=b'f').chain([b'-'])), false),
            Kind::Text => (needles.mask(0..=u8::MAX), true),
            Kind::Words => (needles.mask(word_bytes.iter().copied()), true),
        };
        self.columns.push(Outlook {
            mask,
            may_be_empty,
            count: outline.count,
            longest: outline.longest,
            ..Outlook::default()
        });
    }

    /// Looks for `needles` in the literals, and decides what to read.
    pub(super) fn draw(&mut self, automaton: &Automaton, needles: &Needles) {
        let states = automaton.states();
        self.roles.clear();
        self.roles.extend(states.iter().map(|state| {
            let (is_hit, open) = needles.search(automaton.text_of(state));
            Role {
                is_hit,
                open,
                ..Role::default()
            }
        }));
        let entering = self.open_behind_values(automaton, needles);
        let wanted = self.find_useful(automaton, needles, entering);
        for (state, role) in states.iter().zip(&mut self.roles) {
            let Some(column) = state.column() else { continue };
            let column = &mut self.columns[column];
            let open = role.open | needles.resume(wanted, automaton.text_of(state)).1;
            role.begins_in_value = needles.starts() & column.useful != 0;
            role.reads_value = role.begins_in_value || open & column.useful != 0;
            column.is_read |= role.reads_value;
        }
        for (state, role) in states.iter().zip(&mut self.roles) {
            role.counts_value = state.column().is_some_and(|column| self.columns[column].is_read);
        }
        self.find_live(automaton);
    }

    /// What can be open behind a variable.
    fn open_behind_values(&self, automaton: &Automaton, needles: &Needles) -> Open {
        let columns = &self.columns;
        let mut behind = columns.iter().fold(0, |open, column| open | column.behind(0, needles));
        // Each round adds a bit at least, so there are few.
        loop {
            let mut more = behind;
            for (state, role) in automaton.states().iter().zip(&self.roles) {
                let Some(column) = state.column() else { continue };
                let open = role.open | needles.resume(behind, automaton.text_of(state)).1;
                if open != 0 {
                    more |= columns[column].behind(open, needles);
                }
            }
            if more == behind {
                return behind;
            }
            behind = more;
        }
    }

    /// What of that can come to an end, and has each column take note of what can before its values.
    fn find_useful(&mut self, automaton: &Automaton, needles: &Needles, entering: Open) -> Open {
        let mut wanted = 0;
        loop {
            self.columns.iter_mut().for_each(|column| column.look(wanted, needles));
            let mut more = wanted;
            for state in &automaton.states()[START as usize + 1..] {
                let text = automaton.text_of(state);
                if text.first().is_some_and(|&first| entering & needles.mask([first]) == 0) {
                    continue;
                }
                let useful = state.column().map_or(0, |column| self.columns[column].useful);
                more |= needles.before(useful, text) & entering;
            }
            if more == wanted {
                return wanted;
            }
            wanted = more;
        }
    }

    /// Marks the states behind which something matters.
    fn find_live(&mut self, automaton: &Automaton) {
        let states = automaton.states();
        // Literals are numbered as they first come, so most follow ones before them: backward it takes a round or two.
        for _ in 0..MOST_ROUNDS {
            let mut is_settled = true;
            for number in (0..states.len()).rev() {
                let role = self.roles[number];
                let matters = |&next: &u32| {
                    let next = &self.roles[next as usize];
                    next.is_live || next.is_hit || next.counts_value
                };
                if !role.is_live && (role.reads_value || automaton.successors(&states[number]).iter().any(matters)) {
                    self.roles[number].is_live = true;
                    is_settled = false;
                }
            }
            if is_settled {
                return;
            }
        }
        self.roles.iter_mut().for_each(|role| role.is_live = true);
    }

    /// What each state means, by its number.
    #[inline]
    pub(super) fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Whether the values of a column are read.
    pub(super) fn reads(&self, column: usize) -> bool {
        self.columns[column].is_read
    }

    /// Whether any line can hold a needle.
    pub(super) fn can_hit(&self) -> bool {
        self.roles.first().is_some_and(|start| start.is_live)
    }

    /// Whether so much is read that making the lines, and searching those all at once, costs less.
    pub(super) fn is_too_much(&self, needles: &Needles) -> bool {
        let begins = |column: &&Outlook| column.useful & needles.starts() != 0;
        let all: usize = self.columns.iter().map(|column| column.count).sum();
        let read: usize = self.columns.iter().filter(begins).map(|column| column.count).sum();
        self.can_hit() && read * MOST_READ.1 > all * MOST_READ.0
    }

    /// Bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        self.roles.capacity() * size_of::<Role>() + self.columns.capacity() * size_of::<Outlook>()
    }
}

impl Outlook {
    /// What can be open behind a value before which `open` is.
    fn behind(&self, open: Open, needles: &Needles) -> Open {
        let skipped = if self.may_be_empty { open } else { 0 };
        needles.spread(open, self.mask, self.longest) | skipped
    }

    /// Takes note of what is `wanted` behind its values.
    fn look(&mut self, wanted: Open, needles: &Needles) {
        let skipped = if self.may_be_empty { wanted } else { 0 };
        self.useful = needles.before_any(wanted, self.mask, self.longest) | skipped;
    }
}
