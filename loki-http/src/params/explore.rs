//! What volumes and detected fields are asked.

use super::{DEFAULT_LIMIT, Error, Params, TimeRange, integer};
use loki_core::{FieldRequest, VolumeGrouping, VolumeRequest};

/// Fields of a request that does not say.
const DEFAULT_FIELDS: usize = 1000;
/// Lines that are looked at for fields by a request that does not say.
const DEFAULT_FIELD_LINES: usize = 100;

impl Params {
    /// What `index/volume` is asked: one volume of each group.
    pub(crate) fn volume_request(&self, now: i64) -> Result<VolumeRequest, Error> {
        let range = self.range(now)?;
        self.volumes(range, None)
    }

    /// What `index/volume_range` is asked: the volumes of each group, step by step.
    pub(crate) fn volume_range_request(&self, now: i64) -> Result<VolumeRequest, Error> {
        let range = self.range(now)?;
        self.volumes(range, Some(self.step(range)?))
    }

    fn volumes(&self, range: TimeRange, step: Option<i64>) -> Result<VolumeRequest, Error> {
        let grouping = match self.value("aggregateBy") {
            None | Some("series") => VolumeGrouping::Series,
            Some("labels") => VolumeGrouping::Labels,
            Some(_) => return Err(Error::Aggregation),
        };
        // 0 is the default here, not an error.
        let limit = match self.count("limit", DEFAULT_LIMIT)? {
            0 => DEFAULT_LIMIT,
            limit => limit,
        };
        let names = self.value("targetLabels").unwrap_or_default().split(',');
        Ok(VolumeRequest {
            step,
            limit,
            target_labels: names.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            grouping,
            ..VolumeRequest::new(self.query(), range.start, range.end)
        })
    }

    /// What `detected_fields` is asked.
    pub(crate) fn field_request(&self, now: i64) -> Result<FieldRequest, Error> {
        let range = self.range(now)?;
        self.step(range)?;
        let line_limit = self.count("line_limit", DEFAULT_FIELD_LINES)?;
        let limit = match self.value("limit") {
            Some(_) => self.count("limit", DEFAULT_FIELDS)?,
            None => self.count("field_limit", DEFAULT_FIELDS)?,
        };
        Ok(FieldRequest {
            line_limit,
            limit,
            ..FieldRequest::new(self.query(), range.start, range.end)
        })
    }

    /// A number that is not negative.
    fn count(&self, name: &str, default: usize) -> Result<usize, Error> {
        let Some(text) = self.value(name) else {
            return Ok(default);
        };
        usize::try_from(integer(text, "Atoi")?).map_err(|_| Error::Limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        Params::parse(b"", query).expect("good escapes")
    }

    #[test]
    fn volumes_are_grouped_and_limited_as_asked() {
        let asked = params("query=%7B%7D&start=0&end=600&targetLabels=a,,b&aggregateBy=labels&limit=0&step=60");
        let request = asked.volume_range_request(0).expect("valid");
        assert_eq!(request.target_labels, ["a", "b"]);
        assert_eq!((request.grouping, request.limit), (VolumeGrouping::Labels, 100));
        assert_eq!(request.step, Some(60_000_000_000));
        assert_eq!(asked.volume_request(0).expect("valid").step, None);
    }

    #[test]
    fn what_means_nothing_is_refused_with_lokis_words() {
        for (query, text) in [
            ("aggregateBy=x", "invalid aggregation option"),
            ("limit=-1", "limit must be a positive value"),
            ("limit=x", "strconv.Atoi: parsing \"x\": invalid syntax"),
        ] {
            assert_eq!(params(query).volume_request(0).expect_err(query).to_string(), text);
        }
        let error = params("line_limit=-1").field_request(0).expect_err("negative");
        assert_eq!(error, Error::Limit);
    }

    #[test]
    fn either_name_limits_fields() {
        let limits = |query| {
            params(query)
                .field_request(0)
                .map(|r| (r.line_limit, r.limit))
                .expect("valid")
        };
        assert_eq!(limits(""), (100, 1000));
        assert_eq!(limits("line_limit=5&limit=6&field_limit=7"), (5, 6));
        assert_eq!(limits("field_limit=7"), (100, 7));
    }
}
