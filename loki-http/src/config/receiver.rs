//! The `receiver` section: `/api/v1/push` and the endpoints for plain lines. This program's own, with the arguments of
//! Alloy's `loki.source.api`.

use super::section::Section;
use super::{Config, Error};
use std::collections::BTreeMap;

impl Config {
    pub(super) fn receiver(&mut self, mut section: Section, unused: &mut Vec<String>) -> Result<(), Error> {
        let receiver = &mut self.server.receiver;
        let path = section.path("labels");
        if let Some(labels) = section.take::<BTreeMap<String, String>>("labels")? {
            for name in labels.keys() {
                // One that starts with two underscores would be left out again.
                if name.starts_with("__") || !is_label_name(name) {
                    let problem = format!("{name:?} is no name of a label that can be stored");
                    return Err(Error::value(path, problem));
                }
            }
            receiver.labels = labels.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        }
        section.set("use_incoming_timestamp", &mut receiver.use_incoming_timestamp)?;
        section.set_size("max_send_message_size", &mut receiver.max_message_bytes)?;
        section.rest(unused);
        Ok(())
    }
}

fn is_label_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().all(is_plain) && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}
