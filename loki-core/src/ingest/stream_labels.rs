//! The labels that a pushed stream is stored under, remembered by how they were written.

use super::{label_text, refusal::Refusal};
use crate::{Error, Limits, PushLabels};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use loki_logql::Labels;
use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

/// Most texts that a cache remembers; beyond that it forgets all and begins anew.
const CACHE_ENTRIES: usize = 16_384;
/// Longer texts are not remembered; with [`CACHE_ENTRIES`] this bounds what a cache holds.
const CACHED_TEXT_BYTES: usize = 2048;
/// Labels of internal streams, which get no `service_name`.
const INTERNAL: [&str; 2] = ["__aggregated_metric__", "__pattern__"];
/// The label that service discovery adds.
const SERVICE_NAME: &str = "service_name";

/// The checked label sets of one tenant by the text that was pushed for them.
///
/// A client sends the same few texts again and again; parsing, discovery and the rules about labels are done once
/// each.
#[derive(Debug, Default)]
pub(crate) struct LabelCache {
    by_text: RwLock<HashMap<Box<str>, Arc<StreamLabels>, RandomState>>,
}

/// What a stream is stored under.
#[derive(Debug)]
pub(crate) struct StreamLabels {
    /// Sorted, with `service_name`.
    pub(crate) labels: Labels,
    /// The level that a label states, where one does.
    pub(crate) level: Option<String>,
    /// The rule that the labels break.
    pub(crate) refusal: Option<Refusal>,
}

impl LabelCache {
    /// The stored labels of what was pushed.
    ///
    /// # Errors
    ///
    /// Why the text is none; then the whole push is refused.
    pub(super) fn resolve(&self, pushed: &PushLabels<'_>, limits: &Limits) -> Result<Arc<StreamLabels>, Error> {
        let text: Cow<'_, str> = match pushed {
            PushLabels::Text(text) => Cow::Borrowed(text),
            PushLabels::Pairs(pairs) => Cow::Owned(text_of(pairs)),
        };
        let by_text = self.by_text.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_text.get(&*text) {
            return Ok(Arc::clone(known));
        }
        drop(by_text);
        let pairs = label_text::parse(&text)?;
        let known = Arc::new(check(pairs, limits));
        if known.refusal.is_some() || text.len() > CACHED_TEXT_BYTES {
            return Ok(known);
        }
        let mut by_text = self.by_text.write().unwrap_or_else(PoisonError::into_inner);
        if by_text.len() >= CACHE_ENTRIES {
            by_text.clear();
        }
        by_text.insert(text.into(), Arc::clone(&known));
        Ok(known)
    }

    /// Forgets everything: limits changed.
    pub(crate) fn clear(&self) {
        self.by_text.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Pairs as text, names as they are: a name that cannot stand bare is refused where it stands.
fn text_of(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> String {
    let mut sorted: Vec<_> = pairs.iter().collect();
    // Of a repeated key the last counts, as in any JSON object.
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut text = String::from("{");
    for (i, (name, value)) in sorted.iter().enumerate() {
        if sorted.get(i + 1).is_some_and(|next| next.0 == *name) {
            continue;
        }
        if text.len() > 1 {
            text.push_str(", ");
        }
        // Labels print their values as Go quotes them, which is what the parser reads.
        let pair = Labels::from_pairs([("", value)]).to_string();
        text.push_str(name);
        text.push_str(&pair[1..pair.len() - 1]);
    }
    text.push('}');
    text
}

/// Adds `service_name` and holds the labels against the limits.
fn check(mut pairs: Vec<(String, String)>, limits: &Limits) -> StreamLabels {
    // The metric name of the text form identifies nothing here: Loki's answers never show it.
    pairs.retain(|(name, _)| name != "__name__");
    if pairs.is_empty() && limits.discover_service_name.is_empty() {
        let refusal = Refusal::new(
            "missing_labels",
            "error at least one label pair is required per stream".to_owned(),
        );
        return StreamLabels {
            labels: Labels::default(),
            level: None,
            refusal: Some(refusal),
        };
    }
    let value = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let internal = INTERNAL.iter().any(|name| value(name).is_some());
    if value(SERVICE_NAME).is_none() && !limits.discover_service_name.is_empty() && !internal {
        let service = limits.discover_service_name.iter().find_map(|name| value(name));
        pairs.push((
            SERVICE_NAME.to_owned(),
            service.unwrap_or_else(|| "unknown_service".to_owned()),
        ));
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let refusal = broken_rule(&pairs, limits);
    let level = limits.log_level_fields.iter().find_map(|field| {
        let value = pairs.iter().find(|(name, _)| name == field).map(|(_, v)| v.as_str())?;
        Some(super::level::normal(value).map_or_else(|| value.to_owned(), str::to_owned))
    });
    StreamLabels {
        labels: Labels::from_pairs(pairs),
        level,
        refusal,
    }
}

fn broken_rule(pairs: &[(String, String)], limits: &Limits) -> Option<Refusal> {
    let shown = || print(pairs);
    let counted = pairs.iter().filter(|(name, _)| name != SERVICE_NAME).count();
    if counted > limits.max_label_names_per_series {
        let text = format!(
            "entry for stream '{}' has {counted} label names; limit {}",
            shown(),
            limits.max_label_names_per_series
        );
        return Some(Refusal::new("max_label_names_per_series", text));
    }
    for (i, (name, value)) in pairs.iter().enumerate() {
        if name.len() > limits.max_label_name_length {
            let text = format!("stream '{}' has label name too long: '{name}'", shown());
            return Some(Refusal::new("label_name_too_long", text));
        }
        if value.len() > limits.max_label_value_length {
            let text = format!("stream '{}' has label value too long: '{value}'", shown());
            return Some(Refusal::new("label_value_too_long", text));
        }
        if i > 0 && pairs[i - 1].0 == *name {
            let text = format!("stream '{}' has duplicate label name: '{name}'", shown());
            return Some(Refusal::new("duplicate_label_names", text));
        }
    }
    let missing: Vec<&str> = (limits.enforced_labels.iter())
        .filter(|name| !pairs.iter().any(|(n, _)| n == *name))
        .map(String::as_str)
        .collect();
    (!missing.is_empty()).then(|| Refusal::missing_labels(&missing.join(","), &shown()))
}

/// Like [`Labels`]' text, repeated names and all.
fn print(pairs: &[(String, String)]) -> String {
    let each: Vec<String> = pairs
        .iter()
        .map(|(name, value)| {
            let pair = Labels::from_pairs([(name, value)]).to_string();
            pair[1..pair.len() - 1].to_owned()
        })
        .collect();
    format!("{{{}}}", each.join(", "))
}
