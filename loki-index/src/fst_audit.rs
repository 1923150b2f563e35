//! Finds out whether bytes are an fst, before the fst crate looks at them.
//!
//! The fst crate trusts its input: on other bytes it can panic, run in circles or add up numbers until they overflow, and
//! its checksum stops nobody who means it. The audit reads each node once, from the last byte to the first, and holds it
//! against what the builder of the crate writes (version 3 of its format):
//!
//! - A node is named by the address of its last byte. Nodes lie one behind the other, without gaps, from behind the header
//!   up to the root, which comes last. A node leads to nodes before it alone, so there are no circles, and whoever walks
//!   backwards meets a node after all that lead to it.
//! - Address 0 stands for a node that ends a key, leads nowhere and has no bytes.
//! - The value of a key is the sum of the outputs along its path.
//!
//! With the sum and the number of paths that lead to each node, one pass tells the largest value, the number of keys, and how
//! long it takes to walk all of them.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::format;

const VERSION: u64 = 3;
const VERSION_AT: usize = 0;
const TYPE_AT: usize = VERSION_AT + 8;
const NODES_AT: usize = TYPE_AT + 8;
/// Number of keys, address of the root, checksum.
const FOOTER_BYTES: usize = 8 + 8 + 4;
/// A node of more transitions has a table that finds them by their input.
const UNINDEXED_TRANSITIONS: usize = 32;
const TABLE_BYTES: usize = 256;
/// Widest number in a node, in bytes.
const WIDEST: usize = 8;

/// What an fst may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// So many keys exactly; their values are lower than this.
    pub(crate) keys: u32,
    /// All keys together have at most so many bytes, a start that keys share counted once. Bounds the time that a walk over
    /// all keys can take: an fst can name more keys, and longer ones, than anybody can list.
    pub(crate) key_bytes: u64,
}

/// How a node is reached from the root.
#[derive(Clone, Copy, Default)]
struct Reach {
    /// On so many paths. Each leads to a key, and there are fewer of those than the largest number.
    paths: u32,
    /// With outputs that add up to at most this.
    sum: u32,
}

impl Reach {
    fn merge(&mut self, other: Self) {
        self.paths = self.paths.saturating_add(other.paths);
        self.sum = self.sum.max(other.sum);
    }
}

struct Audit<'a> {
    /// All of the fst, footer included.
    bytes: &'a [u8],
    bounds: &'a Bounds,
    /// Of nodes that were led to and not yet met, by address. Ends that many keys share are led to from everywhere, so these
    /// are far fewer than the transitions.
    ahead: HashMap<usize, Reach, RandomState>,
    /// A bit for every address, set once it is in `ahead`: most never are, and a bit is faster to ask.
    is_ahead: Box<[u64]>,
    /// Of the node that comes next. Most nodes are led to by their neighbour alone.
    next: Option<Reach>,
    keys: u64,
    key_bytes: u64,
}

/// `None` if the fst crate could fail on the bytes, or if they hold anything but what the bounds allow.
pub(crate) fn audit(bytes: &[u8], bounds: &Bounds) -> Option<()> {
    let nodes_end = bytes.len().checked_sub(FOOTER_BYTES).filter(|&end| end >= NODES_AT)?;
    let number = |at| u64::from_le_bytes(format::array(bytes, at));
    let root = usize::try_from(number(nodes_end + 8)).ok()?;
    if number(VERSION_AT) != VERSION || number(TYPE_AT) != 0 || number(nodes_end) != u64::from(bounds.keys) {
        return None;
    }
    // An fst without keys has a root too, and one whose only key is empty is none of ours.
    if root < NODES_AT || root != nodes_end - 1 {
        return None;
    }
    let mut audit = Audit {
        bytes,
        bounds,
        ahead: HashMap::default(),
        is_ahead: vec![0; nodes_end.div_ceil(64)].into(),
        next: Some(Reach { paths: 1, sum: 0 }),
        keys: 0,
        key_bytes: 0,
    };
    let mut node = root;
    loop {
        let first = audit.node(node)?;
        if first == NODES_AT {
            break;
        }
        node = first - 1;
    }
    // What is left was led to and is no node.
    let all_met = audit.ahead.is_empty() && audit.next.is_none();
    (all_met && audit.keys == u64::from(bounds.keys)).then_some(())
}

impl Audit<'_> {
    /// Checks the node whose last byte is at `address`, and says where its first byte is.
    fn node(&mut self, address: usize) -> Option<usize> {
        let reach = self.arrive(address)?;
        let state = self.bytes[address];
        match state >> 6 {
            0b11 => self.chain_node(address, state, reach),
            0b10 => self.single_node(address, state, reach),
            _ => self.node_of_any(address, state, reach),
        }
    }

    /// One transition to the neighbour, without output: state, and before it the input unless the state says it.
    #[inline]
    fn chain_node(&mut self, address: usize, state: u8, reach: Reach) -> Option<usize> {
        let first = back(address, explicit_input(state))?;
        self.lead(first, first - 1, reach);
        Some(first)
    }

    /// One transition: output, distance, widths, input unless the state says it, state.
    fn single_node(&mut self, address: usize, state: u8, reach: Reach) -> Option<usize> {
        let widths_at = back(address, explicit_input(state) + 1)?;
        let (distance_width, output_width) = widths(self.bytes[widths_at])?;
        let distance_at = back(widths_at, distance_width)?;
        let first = back(distance_at, output_width)?;
        let output = self.number(first, output_width);
        self.transition(first, distance_at, distance_width, output, reach)?;
        Some(first)
    }

    /// Any number of transitions, and perhaps the end of a key: outputs (that of the end first), distances, inputs, each from
    /// the last transition to the first; then perhaps a table of inputs, widths, number unless the state says it, state.
    fn node_of_any(&mut self, address: usize, state: u8, reach: Reach) -> Option<usize> {
        let ends_key = state & 0b0100_0000 != 0;
        let (count, count_at) = match state & 0b0011_1111 {
            0 => {
                let count_at = back(address, 1)?;
                // A lone transition never stands here, so 1 means the one number that a byte cannot hold.
                match self.bytes[count_at] {
                    1 => (256, count_at),
                    count => (usize::from(count), count_at),
                }
            }
            count => (usize::from(count), address),
        };
        let widths_at = back(count_at, 1)?;
        let (distance_width, output_width) = match self.bytes[widths_at] {
            packed if count == 0 && packed >> 4 == 0 && packed <= WIDEST as u8 => (0, usize::from(packed)),
            packed => widths(packed)?,
        };
        let is_indexed = count > UNINDEXED_TRANSITIONS;
        let table_at = back(widths_at, if is_indexed { TABLE_BYTES } else { 0 })?;
        let inputs_at = back(table_at, count)?;
        let distances_at = back(inputs_at, count * distance_width)?;
        let outputs_at = back(distances_at, count * output_width)?;
        let first = back(outputs_at, if ends_key { output_width } else { 0 })?;

        let inputs = &self.bytes[inputs_at..table_at];
        // Backwards they ascend, so each is there once.
        if !inputs.is_sorted_by(|later, earlier| later > earlier) {
            return None;
        }
        if is_indexed {
            let table = &self.bytes[table_at..widths_at];
            let known = |(position, &input): (usize, &u8)| usize::from(table[usize::from(input)]) == position;
            let absent = table.iter().filter(|&&position| usize::from(position) >= count).count();
            if !inputs.iter().rev().enumerate().all(known) || absent != TABLE_BYTES - count {
                return None;
            }
        }
        if ends_key {
            self.end_key(reach, self.number(first, output_width))?;
        }
        for transition in 0..count {
            let output = self.number(outputs_at + transition * output_width, output_width);
            let distance_at = distances_at + transition * distance_width;
            self.transition(first, distance_at, distance_width, output, reach)?;
        }
        Some(first)
    }

    /// Follows a transition: the distance is counted from the first byte of its node.
    fn transition(&mut self, first: usize, distance_at: usize, width: usize, output: u64, reach: Reach) -> Option<()> {
        let distance = usize::try_from(self.number(distance_at, width)).ok()?;
        let reach = Reach {
            sum: self.sum(reach, output)?,
            ..reach
        };
        if distance == 0 {
            self.step(reach)?;
            return self.end_key(reach, 0);
        }
        self.lead(first, first.checked_sub(distance)?, reach);
        Some(())
    }

    /// Notes that a node with its first byte at `first` leads to one before it.
    #[inline]
    fn lead(&mut self, first: usize, target: usize, reach: Reach) {
        if target + 1 == first {
            self.next.get_or_insert_default().merge(reach);
        } else {
            self.is_ahead[target / 64] |= 1 << (target % 64);
            self.ahead.entry(target).or_default().merge(reach);
        }
    }

    /// How the node at an address is reached; `None` if nothing leads there or too much does.
    #[inline]
    fn arrive(&mut self, address: usize) -> Option<Reach> {
        let mut reach = self.next.take();
        if self.is_ahead[address / 64] & 1 << (address % 64) != 0
            && let Some(others) = self.ahead.remove(&address)
        {
            reach.get_or_insert_default().merge(others);
        }
        let reach = reach?;
        self.step(reach)?;
        Some(reach)
    }

    /// Counts one more byte of each key that leads through a node.
    fn step(&mut self, reach: Reach) -> Option<()> {
        self.key_bytes = self.key_bytes.saturating_add(u64::from(reach.paths));
        // The root is reached without a byte.
        (reach.paths < u32::MAX && self.key_bytes <= self.bounds.key_bytes.saturating_add(1)).then_some(())
    }

    fn end_key(&mut self, reach: Reach, output: u64) -> Option<()> {
        self.keys = self.keys.saturating_add(u64::from(reach.paths));
        self.sum(reach, output).map(|_| ())
    }

    /// The largest sum with one more output.
    fn sum(&self, reach: Reach, output: u64) -> Option<u32> {
        let sum = u32::try_from(output).ok()?.checked_add(reach.sum)?;
        (sum < self.bounds.keys).then_some(sum)
    }

    /// A number of at most eight bytes inside a node. As the footer is longer than that, eight bytes can be read anywhere.
    #[inline]
    fn number(&self, at: usize, width: usize) -> u64 {
        let number = u64::from_le_bytes(format::array(self.bytes, at));
        match width {
            0 => 0,
            _ => number & (u64::MAX >> (64 - 8 * width)),
        }
    }
}

/// Whether a state of one transition does not say its input, which then has a byte of its own.
fn explicit_input(state: u8) -> usize {
    usize::from(state & 0b0011_1111 == 0)
}

/// The widths of distances and outputs in a node with transitions.
fn widths(packed: u8) -> Option<(usize, usize)> {
    let (distance, output) = (usize::from(packed >> 4), usize::from(packed & 0b1111));
    ((1..=WIDEST).contains(&distance) && output <= WIDEST).then_some((distance, output))
}

/// An address so many bytes before, unless the header is in the way.
fn back(address: usize, bytes: usize) -> Option<usize> {
    address.checked_sub(bytes).filter(|&before| before >= NODES_AT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fst::{Map, MapBuilder, Streamer};
    use proptest::{collection, prelude::*, sample};

    use super::*;

    /// Keys with values below their number, in any order.
    fn keys() -> impl Strategy<Value = BTreeMap<Vec<u8>, u64>> {
        let few = collection::vec(sample::select(b"abc".as_slice()), 0..8);
        let any = collection::vec(any::<u8>(), 1..4);
        collection::btree_set(prop_oneof![few, any], 0..300)
            .prop_map(|keys| keys.into_iter().filter(|key| !key.is_empty()).collect::<Vec<_>>())
            .prop_flat_map(|keys| {
                let values: Vec<u64> = (0..keys.len() as u64).collect();
                (Just(keys), Just(values).prop_shuffle())
            })
            .prop_map(|(keys, values)| keys.into_iter().zip(values).collect())
    }

    fn write(keys: &BTreeMap<Vec<u8>, u64>) -> (Vec<u8>, Bounds) {
        let mut builder = MapBuilder::memory();
        builder
            .extend_iter(keys.iter().map(|(key, &value)| (key, value)))
            .unwrap();
        let bounds = Bounds {
            keys: keys.len() as u32,
            key_bytes: keys.keys().map(|key| key.len() as u64).sum(),
        };
        (builder.into_inner().unwrap(), bounds)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn what_the_builder_writes_is_accepted(keys in keys()) {
            let (bytes, bounds) = write(&keys);
            prop_assert_eq!(audit(&bytes, &bounds), Some(()));
        }

        #[test]
        fn what_is_accepted_can_be_walked_and_found(
            keys in keys(),
            changes in collection::vec((any::<sample::Index>(), any::<u8>()), 1..4),
        ) {
            let (good, bounds) = write(&keys);
            for (at, value) in changes {
                let mut bytes = good.clone();
                bytes[at.index(good.len())] = value;
                if audit(&bytes, &bounds).is_none() {
                    continue;
                }
                let map = Map::new(&bytes).unwrap();
                let mut found = Vec::new();
                let mut stream = map.stream();
                while let Some((key, value)) = stream.next() {
                    found.push((key.to_vec(), value));
                }
                prop_assert_eq!(found.len(), keys.len());
                prop_assert!(found.is_sorted_by(|left, right| left.0 < right.0));
                for (key, value) in found {
                    prop_assert!(value < keys.len() as u64);
                    prop_assert_eq!(map.get(key), Some(value));
                }
            }
        }

        #[test]
        fn any_bytes_do_not_panic(bytes in collection::vec(any::<u8>(), 0..80)) {
            let bounds = Bounds { keys: 1, key_bytes: 100 };
            prop_assert_eq!(audit(&bytes, &bounds), None);
        }
    }

    #[test]
    fn a_node_of_all_bytes_is_accepted() {
        for count in [32, 33, 63, 64, 255, 256u64] {
            let (bytes, bounds) = write(&(0..count).map(|byte| (vec![byte as u8, 7], count - 1 - byte)).collect());
            assert_eq!(audit(&bytes, &bounds), Some(()), "{count} transitions");
        }
    }

    #[test]
    fn a_root_elsewhere_is_refused() {
        let (good, bounds) = write(&[(b"ab".to_vec(), 0)].into());
        let root_at = good.len() - 12;
        let right = u64::from_le_bytes(format::array(&good, root_at));
        for root in [0, 15, right - 1, right + 1, good.len() as u64, u64::MAX] {
            let mut bytes = good.clone();
            bytes[root_at..root_at + 8].copy_from_slice(&root.to_le_bytes());
            assert_eq!(audit(&bytes, &bounds), None, "{root}");
        }
    }

    #[test]
    fn a_maze_without_keys_is_refused() {
        let mut bytes = [VERSION.to_le_bytes(), [0; 8]].concat();
        // A node that leads nowhere and ends no key; before it node after node that leads to its neighbour twice.
        bytes.extend_from_slice(&[0, 0, 0]);
        for _ in 0..20 {
            bytes.extend_from_slice(&[1, 1, b'b', b'a', 0x10, 2]);
        }
        // The root, which has one key besides.
        bytes.extend_from_slice(&[0, 1, b'b', b'a', 0x10, 2]);
        let root = bytes.len() as u64 - 1;
        bytes.extend_from_slice(&1u64.to_le_bytes());
        bytes.extend_from_slice(&root.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);

        let audited = |key_bytes| audit(&bytes, &Bounds { keys: 1, key_bytes });
        assert_eq!(audited(1000), None);
        // It is well-formed: 2^20 ways through it are all that is wrong with it.
        assert_eq!(audited(1 << 22), Some(()));
    }
}
