//! Stand-in until the template language is merged.
#![allow(dead_code, clippy::unused_self)]
use std::borrow::Cow;
pub(crate) struct Template(Vec<u8>);
pub(crate) trait Data {
    fn label(&self, name: &str) -> Option<Cow<'_, str>>;
    fn labels(&self) -> Vec<(String, String)>;
    fn line(&self) -> &[u8];
    fn timestamp(&self) -> i64;
    fn now(&self) -> i64;
}
impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Template")
    }
}
impl Template {
    pub(crate) fn parse(_name: &str, text: &[u8]) -> Result<Template, String> {
        Ok(Template(text.to_vec()))
    }
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.single_field().into_iter()
    }
    pub(crate) fn reads_all(&self) -> bool {
        false
    }
    pub(crate) fn single_field(&self) -> Option<&str> {
        std::str::from_utf8(self.0.strip_prefix(b"{{.")?.strip_suffix(b"}}")?).ok()
    }
    pub(crate) fn execute(&self, data: &dyn Data, out: &mut Vec<u8>) -> Result<(), String> {
        match self.single_field() {
            Some(name) => out.extend_from_slice(data.label(name).unwrap_or_default().as_bytes()),
            None => out.extend_from_slice(&self.0),
        }
        Ok(())
    }
}
