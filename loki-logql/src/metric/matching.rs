//! Binary operators on two vectors: how their samples find each other.

use super::binary::Operator;
use super::vector::{ById, UNKNOWN, Vector};
use crate::ast::{BinaryOp, Matching};
use crate::{Error, ErrorKind, Labels};
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

/// `vector op vector` as the query has it.
#[derive(Debug, Clone)]
pub(super) struct Join {
    pub(super) operator: Operator,
    /// `None`: by all labels.
    pub(super) matching: Option<Matching>,
}

/// `vector op vector` while it runs.
#[derive(Debug)]
pub(super) struct Joining<'a> {
    join: &'a Join,
    keys: HashMap<Labels, u32, FixedState>,
    left_key: ById,
    right_key: ById,
    /// At this step: by key the sample of the side that has one of each, and whether it was used.
    partners: Vec<Partner>,
    /// The series of a result, by series of the "many" and of the "one" side.
    results: HashMap<(u32, u32), u32, FixedState>,
    result_series: HashMap<Labels, u32, FixedState>,
    /// At this step: the results of each key.
    seen: HashSet<(u32, u32), FixedState>,
}

#[derive(Debug, Clone, Copy)]
struct Partner {
    id: u32,
    value: f64,
}

const NO_PARTNER: Partner = Partner {
    id: UNKNOWN,
    value: 0.0,
};

impl<'a> Joining<'a> {
    pub(super) fn new(join: &'a Join) -> Joining<'a> {
        Joining {
            join,
            keys: HashMap::default(),
            left_key: ById::default(),
            right_key: ById::default(),
            partners: Vec::new(),
            results: HashMap::default(),
            result_series: HashMap::default(),
            seen: HashSet::default(),
        }
    }

    /// Joins `left` and `right` into `out`, whose samples are empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Matching`] where a sample has more partners than the query allows.
    pub(super) fn step(&mut self, left: &Vector, right: &Vector, out: &mut Vector) -> Result<(), Error> {
        match self.join.operator.op {
            BinaryOp::And => self.filter(left, right, out, true),
            BinaryOp::Unless => self.filter(left, right, out, false),
            BinaryOp::Or => self.union(left, right, out),
            _ => return self.pair(left, right, out),
        }
        Ok(())
    }

    /// The key of the series `id` on the left or right side.
    fn key(&mut self, side: Side, vector: &Vector, id: u32) -> u32 {
        let (keys, matching) = (&mut self.keys, self.join.matching.as_ref());
        let table = match side {
            Side::Left => &mut self.left_key,
            Side::Right => &mut self.right_key,
        };
        table.get_or_find(id, || {
            let next = keys.len() as u32;
            *keys
                .entry(key_labels(&vector.series[id as usize], matching))
                .or_insert(next)
        })
    }

    /// Notes at each key a sample of `vector`. Returns whether a key had two.
    fn gather(&mut self, side: Side, vector: &Vector) -> bool {
        self.partners.fill(NO_PARTNER);
        let mut twice = false;
        for &(id, value) in &vector.samples {
            let key = self.key(side, vector, id) as usize;
            if key >= self.partners.len() {
                self.partners.resize(key + 1, NO_PARTNER);
            }
            twice |= self.partners[key].id != UNKNOWN;
            self.partners[key] = Partner { id, value };
        }
        twice
    }

    fn partner(&self, key: u32) -> Option<Partner> {
        self.partners.get(key as usize).copied().filter(|p| p.id != UNKNOWN)
    }

    fn filter(&mut self, left: &Vector, right: &Vector, out: &mut Vector, with_partner: bool) {
        self.gather(Side::Right, right);
        out.share_series(left);
        for &(id, value) in &left.samples {
            let key = self.key(Side::Left, left, id);
            if self.partner(key).is_some() == with_partner {
                out.push(id, value);
            }
        }
    }

    fn union(&mut self, left: &Vector, right: &Vector, out: &mut Vector) {
        self.gather(Side::Left, left);
        for &(id, value) in &left.samples {
            let series = self.result((id, UNKNOWN), out, || left.series[id as usize].clone());
            out.push(series, value);
        }
        for &(id, value) in &right.samples {
            let key = self.key(Side::Right, right, id);
            if self.partner(key).is_none() {
                let series = self.result((UNKNOWN, id), out, || right.series[id as usize].clone());
                out.push(series, value);
            }
        }
    }

    fn pair(&mut self, left: &Vector, right: &Vector, out: &mut Vector) -> Result<(), Error> {
        let group = self.join.matching.as_ref().and_then(|m| m.group.as_ref());
        let many_is_right = group.is_some_and(|g| g.right);
        let (many, many_side, one, one_side) = if many_is_right {
            (right, Side::Right, left, Side::Left)
        } else {
            (left, Side::Left, right, Side::Right)
        };
        if self.gather(one_side, one) {
            let side = if many_is_right { "left" } else { "right" };
            return Err(matching_error(format!(
                "found duplicate series on the {side} hand-side;many-to-many matching not allowed: matching labels must be unique on one side"
            )));
        }
        self.seen.clear();
        for &(id, value) in &many.samples {
            let key = self.key(many_side, many, id);
            let Some(partner) = self.partner(key) else { continue };
            let (l, r) = if many_is_right {
                (partner.value, value)
            } else {
                (value, partner.value)
            };
            let Some(result) = self.join.operator.apply(l, r, l) else {
                continue;
            };
            let join = self.join;
            let series = self.result((id, partner.id), out, || {
                result_labels(&many.series[id as usize], &one.series[partner.id as usize], join)
            });
            let place = if group.is_some() { (key, series) } else { (key, UNKNOWN) };
            if !self.seen.insert(place) {
                return Err(matching_error(if group.is_some() {
                    "multiple matches for labels: grouping labels must ensure unique matches".to_string()
                } else {
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                        .to_string()
                }));
            }
            out.push(series, result);
        }
        Ok(())
    }

    /// The number of the result of two series.
    fn result(&mut self, of: (u32, u32), out: &mut Vector, labels: impl FnOnce() -> Labels) -> u32 {
        if let Some(&id) = self.results.get(&of) {
            return id;
        }
        let labels = labels();
        let id = match self.result_series.get(&labels) {
            Some(&id) => id,
            None => {
                let id = out.add_series(labels.clone());
                self.result_series.insert(labels, id);
                id
            }
        };
        self.results.insert(of, id);
        id
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Left,
    Right,
}

fn matching_error(message: String) -> Error {
    Error::new(ErrorKind::Matching { message })
}

/// Whether the match key of a series has its label `name`.
fn is_key_label(matching: &Matching, name: &str) -> bool {
    matching.labels.iter().any(|l| l == name) == matching.on
}

/// The labels by which a series finds its partners.
fn key_labels(labels: &Labels, matching: Option<&Matching>) -> Labels {
    match matching {
        None => labels.clone(),
        Some(m) => Labels::from_pairs(
            labels
                .iter()
                .filter(|&(name, value)| !value.is_empty() && is_key_label(m, name)),
        ),
    }
}

/// The labels of the result of a sample of the "many" side and its partner.
fn result_labels(many: &Labels, one: &Labels, join: &Join) -> Labels {
    let Some(matching) = &join.matching else {
        return many.clone();
    };
    let Some(group) = &matching.group else {
        return key_labels(many, Some(matching));
    };
    let is_included = |name: &str| group.include.iter().any(|l| l == name);
    let own = many.iter().filter(|&(name, _)| !is_included(name));
    let taken = one.iter().filter(|&(name, _)| is_included(name));
    Labels::from_pairs(own.chain(taken).filter(|&(_, value)| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::MatchGroup;

    fn vector(samples: &[(&[(&str, &str)], f64)]) -> Vector {
        let mut vector = Vector::default();
        for (labels, value) in samples {
            let id = vector.add_series(Labels::from_pairs(labels.iter().copied()));
            vector.push(id, *value);
        }
        vector
    }

    fn x() -> Vector {
        vector(&[(&[("lvl", "a")], 3.0), (&[("lvl", "b")], 2.0)])
    }

    fn y() -> Vector {
        vector(&[(&[("lvl", "a")], 8.0), (&[("lvl", "b")], 12.0)])
    }

    fn on(labels: &[&str], group: Option<bool>) -> Option<Matching> {
        Some(Matching {
            on: true,
            labels: labels.iter().map(|l| l.to_string()).collect(),
            group: group.map(|right| MatchGroup { right, include: vec![] }),
        })
    }

    fn run(op: BinaryOp, matching: Option<Matching>, left: &Vector, right: &Vector) -> Result<String, String> {
        let join = Join {
            operator: Operator { op, return_bool: false },
            matching,
        };
        let mut out = Vector::default();
        Joining::new(&join)
            .step(left, right, &mut out)
            .map_err(|e| e.to_string())?;
        let text = |&(id, value): &(u32, f64)| format!("{} {value}", out.series[id as usize]);
        Ok(out.samples.iter().map(text).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn samples_pair_by_their_labels() {
        let t = vector(&[(&[], 5.0)]);
        assert_eq!(
            run(BinaryOp::Mul, None, &x(), &y()).as_deref(),
            Ok(r#"{lvl="a"} 24, {lvl="b"} 24"#)
        );
        assert_eq!(
            run(BinaryOp::Div, on(&[], Some(false)), &x(), &t).as_deref(),
            Ok(r#"{lvl="a"} 0.6, {lvl="b"} 0.4"#)
        );
        assert_eq!(
            run(BinaryOp::Less, on(&[], Some(true)), &vector(&[(&[], 2.0)]), &x()).as_deref(),
            Ok(r#"{lvl="a"} 2"#)
        );
    }

    #[test]
    fn ambiguous_partners_are_errors() {
        let everything = on(&[], None);
        let error = |left: &Vector, right: &Vector, matching| run(BinaryOp::Add, matching, left, right).unwrap_err();
        assert!(error(&x(), &y(), everything.clone()).starts_with("found duplicate series on the right hand-side;"));
        assert!(error(&x(), &y(), on(&[], Some(true))).starts_with("found duplicate series on the left hand-side;"));
        let one = vector(&[(&[], 1.0)]);
        assert!(error(&x(), &one, everything).contains("many-to-one matching must be explicit"));
    }

    #[test]
    fn set_operators_look_at_keys_alone() {
        let one = vector(&[(&[], 1.0)]);
        assert_eq!(run(BinaryOp::And, None, &x(), &one).as_deref(), Ok(""));
        assert_eq!(
            run(BinaryOp::And, on(&["zz"], None), &x(), &y()).as_deref(),
            Ok(r#"{lvl="a"} 3, {lvl="b"} 2"#)
        );
        assert_eq!(
            run(BinaryOp::Or, None, &x(), &one).as_deref(),
            Ok(r#"{lvl="a"} 3, {lvl="b"} 2, {} 1"#)
        );
        assert_eq!(run(BinaryOp::Unless, None, &x(), &y()).as_deref(), Ok(""));
    }
}
