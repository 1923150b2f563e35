//! From predicates to series, the cheapest predicate first.
//!
//! A predicate that the empty value satisfies cannot be answered by gathering postings, because the series that lack
//! the label have none. It is turned around: the series whose value breaks it are taken away.

use std::convert::Infallible;

use crate::{Postings, Predicate, SeriesId, automaton::Automaton, postings::Union, predicate::Condition};

/// What selecting asks of an index. The answers about values never concern the empty one: it is not stored.
pub(crate) trait Terms {
    type Error;
    /// A label name that some series has.
    type Name: Copy;

    /// How many series there are.
    fn series(&self) -> u32;

    /// The label of this name, if a series has it.
    fn name(&self, name: &str) -> Result<Option<Self::Name>, Self::Error>;

    /// How many values the label has.
    fn values(&self, name: Self::Name) -> Result<u32, Self::Error>;

    /// The series that have the label.
    fn having(&self, name: Self::Name) -> Result<Postings, Self::Error>;

    /// Adds the series where the label has this value.
    fn add_equal(&self, name: Self::Name, value: &str, into: &mut Union) -> Result<(), Self::Error>;

    /// Adds the series where the label has a value that the automaton accepts, or where `accepted` is false, does not.
    fn add_scanned(
        &self,
        name: Self::Name,
        automaton: &Automaton,
        accepted: bool,
        into: &mut Union,
    ) -> Result<(), Self::Error>;

    /// The value of the label in one series, empty if it has none.
    fn value_of(&self, series: SeriesId, name: Self::Name) -> Result<&str, Self::Error>;
}

/// The order in which predicates are applied: what narrows down at the cost of one lookup comes first, then what needs
/// all values of a label looked at, fewest values first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    Equal,
    OneOf(usize),
    Present,
    AbsentOrOther,
    Scan(u32),
}

/// The series that satisfy every predicate.
pub(crate) fn select<T: Terms>(terms: &T, predicates: &[Predicate]) -> Result<Postings, T::Error> {
    let mut plan = Vec::with_capacity(predicates.len());
    for predicate in predicates {
        match terms.name(predicate.name())? {
            Some(name) => plan.push((cost(terms, name, predicate)?, name, predicate)),
            None if predicate.matches("") => {}
            None => return Ok(Postings::new()),
        }
    }
    plan.sort_by(|(left, ..), (right, ..)| left.cmp(right));

    let mut selected: Option<Postings> = None;
    for (cost, name, predicate) in plan {
        let narrowed = match selected.take() {
            Some(some) if some.is_empty() => return Ok(some),
            // Few series are left: asking each for its value costs less than looking at all values.
            Some(some) if matches!(cost, Cost::Scan(values) if some.len() < u64::from(values) / 4) => {
                retain(terms, some, name, predicate)?
            }
            Some(some) if predicate.matches("") => some.and_not(&stored(terms, name, predicate.condition())?),
            Some(some) => some.and(&stored(terms, name, predicate.condition())?),
            None if predicate.matches("") => {
                Postings::full(terms.series()).and_not(&stored(terms, name, predicate.condition())?)
            }
            None => stored(terms, name, predicate.condition())?,
        };
        selected = Some(narrowed);
    }
    Ok(selected.unwrap_or_else(|| Postings::full(terms.series())))
}

fn cost<T: Terms>(terms: &T, name: T::Name, predicate: &Predicate) -> Result<Cost, T::Error> {
    Ok(match predicate.condition() {
        Condition::Automaton(_) => Cost::Scan(terms.values(name)?),
        _ if predicate.matches("") => Cost::AbsentOrOther,
        Condition::OneOf(values) if predicate.condition().holds("") || values.is_empty() => Cost::Present,
        Condition::OneOf(values) if values.len() == 1 => Cost::Equal,
        Condition::OneOf(values) => Cost::OneOf(values.len()),
        Condition::Everything => Cost::Present,
    })
}

/// The series that have the label with a value on the other side of a condition than the empty value is.
///
/// Those are the series to keep where an absent label does not satisfy the predicate, and the series to take away where
/// it does, negated or not.
fn stored<T: Terms>(terms: &T, name: T::Name, condition: &Condition) -> Result<Postings, T::Error> {
    let empty_holds = condition.holds("");
    match condition {
        Condition::Everything => Ok(Postings::new()),
        Condition::OneOf(values) => {
            let mut union = Union::default();
            for value in values.iter().filter(|value| !value.is_empty()) {
                terms.add_equal(name, value, &mut union)?;
            }
            let listed = union.finish();
            Ok(if empty_holds {
                terms.having(name)?.and_not(&listed)
            } else {
                listed
            })
        }
        Condition::Automaton(automaton) => {
            let mut union = Union::default();
            terms.add_scanned(name, automaton, !empty_holds, &mut union)?;
            Ok(union.finish())
        }
    }
}

fn retain<T: Terms>(terms: &T, selected: Postings, name: T::Name, predicate: &Predicate) -> Result<Postings, T::Error> {
    let mut kept = Postings::new();
    for series in selected.iter() {
        if predicate.matches(terms.value_of(series, name)?) {
            kept.insert(series);
        }
    }
    Ok(kept)
}

/// Unwraps what cannot fail.
pub(crate) fn certain<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
