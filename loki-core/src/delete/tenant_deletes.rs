//! The delete requests of one tenant.

use super::filter::DeleteFilter;
use super::request::{DeleteRequest, DeleteStatus, NewDelete, invalid};
use super::sweep::Sweep;
use crate::files::Files;
use crate::store::Document;
use crate::{DeleteMetrics, Error, ErrorKind, Period, TenantId};
use loki_logql::units::format_duration;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// So many requests that are done are remembered.
const DONE_REMEMBERED: usize = 1000;
/// Requests that may wait to be carried out, and bytes of their queries together: every query of the tenant is held
/// against them, and every change writes them all.
const MAX_WAITING: usize = 10_000;
const MAX_WAITING_BYTES: usize = 16 << 20;

/// The delete requests of one tenant: kept durably, and those in force compiled.
#[derive(Debug)]
pub(crate) struct TenantDeletes {
    state: Mutex<State>,
    /// Ids and filters of the requests that are not done.
    in_force: RwLock<Arc<[InForce]>>,
    /// The removal that is going on.
    pub(super) sweep: Mutex<Option<Sweep>>,
    counters: Counters,
}

/// What happened since the start.
#[derive(Debug, Default)]
struct Counters {
    received: AtomicU64,
    processed: AtomicU64,
    entries_removed: AtomicU64,
    bytes_removed: AtomicU64,
}

#[derive(Debug)]
struct State {
    kept: Document<Kept>,
    /// Ids of the requests whose entries are being removed: those can no longer be cancelled.
    sweeping: Vec<String>,
}

/// A request that hides what it names.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    pub(super) id: String,
    created_at: i64,
    pub(super) filter: Arc<DeleteFilter>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    /// Changes with every change.
    generation: i64,
    /// By time of creation.
    requests: Vec<DeleteRequest>,
}

impl TenantDeletes {
    /// Reads the requests in `folder`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`], [`ErrorKind::Io`].
    pub(crate) fn open(files: Arc<dyn Files>, folder: &Path) -> Result<TenantDeletes, Error> {
        let kept: Document<Kept> = Document::open(files, folder, "deletes")?;
        let in_force = in_force(kept.value(), &[]).map_err(|e| Error::corrupt(folder.display(), e))?;
        Ok(TenantDeletes {
            state: Mutex::new(State {
                kept,
                sweeping: Vec::new(),
            }),
            in_force: RwLock::new(in_force),
            sweep: Mutex::default(),
            counters: Counters::default(),
        })
    }

    /// What waits at `now`, and what was done since the start.
    pub(crate) fn metrics(&self, now: i64) -> DeleteMetrics {
        let pending = self.in_force();
        let oldest = pending.iter().map(|request| request.created_at).min();
        DeleteMetrics {
            received: self.counters.received.load(Ordering::Relaxed),
            processed: self.counters.processed.load(Ordering::Relaxed),
            entries_removed: self.counters.entries_removed.load(Ordering::Relaxed),
            bytes_removed: self.counters.bytes_removed.load(Ordering::Relaxed),
            pending: pending.len() as u64,
            oldest_pending_nanos: oldest.map_or(0, |oldest| now.saturating_sub(oldest)),
        }
    }

    /// All requests, by time of creation.
    pub(crate) fn requests(&self) -> Vec<DeleteRequest> {
        self.lock().kept.value().requests.clone()
    }

    /// A number that changes whenever a request comes, goes or is done; none before the first.
    pub(crate) fn generation(&self) -> Option<i64> {
        Some(self.lock().kept.value().generation).filter(|&generation| generation != 0)
    }

    /// The filters of the requests in force.
    pub(crate) fn filters(&self) -> Vec<Arc<DeleteFilter>> {
        self.in_force()
            .iter()
            .map(|request| Arc::clone(&request.filter))
            .collect()
    }

    fn in_force(&self) -> Arc<[InForce]> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a request; it is in force and durable when this returns.
    pub(super) fn add(
        &self,
        tenant: &TenantId,
        new: &NewDelete,
        now: i64,
        max_interval: Period,
    ) -> Result<DeleteRequest, Error> {
        let end = new.check(now, max_interval)?;
        let mut state = self.lock();
        check_room(&state.kept.value().requests, new.query.as_str())?;
        let mut value = state.kept.value().clone();
        let taken = |id: &String| value.requests.iter().any(|request| request.id == *id);
        let query = new.query.as_str();
        let id = (0u32..).map(|n| id(&[tenant.as_str(), query], &[new.start, end, now, i64::from(n)]));
        let request = DeleteRequest {
            id: id
                .into_iter()
                .find(|id| !taken(id))
                .expect("there are more ids than requests"),
            query: query.to_owned(),
            start: new.start,
            end,
            created_at: now,
            status: DeleteStatus::Received,
            entries_removed: 0,
            bytes_removed: 0,
        };
        value.requests.push(request.clone());
        self.commit(&mut state.kept, value, now)?;
        self.counters.received.fetch_add(1, Ordering::Relaxed);
        Ok(request)
    }

    /// Forgets a request that removed nothing yet: what it hid is there again.
    pub(super) fn cancel(&self, id: &str, force: bool, now: i64, cancel_period: Period) -> Result<(), Error> {
        let mut state = self.lock();
        let mut value = state.kept.value().clone();
        let place = value.requests.iter().position(|request| request.id == id);
        let Some(place) = place else {
            return Err(Error::new(
                ErrorKind::NotFound,
                "could not find delete request with given id",
            ));
        };
        let request = &value.requests[place];
        if request.status != DeleteStatus::Received || state.sweeping.contains(&request.id) {
            return Err(invalid(
                "deletion of request which is in process or already processed is not allowed",
            ));
        }
        if !force && now > request.created_at.saturating_add(cancel_period.as_nanos()) {
            return Err(invalid(format!(
                "Cancellation of partially completed delete request or delete request past the deadline of {} since \
                 its creation is not allowed. To force, use the ?force query parameter",
                format_duration(cancel_period.as_nanos())
            )));
        }
        value.requests.remove(place);
        self.commit(&mut state.kept, value, now)
    }

    /// Whether a request in force was created before a time.
    pub(super) fn has_older(&self, created_before: i64) -> bool {
        self.in_force()
            .iter()
            .any(|request| request.created_at < created_before)
    }

    /// Starts to carry out requests that were created before a time, `most` at once: from here on they cannot be
    /// cancelled.
    pub(super) fn begin_sweep(&self, created_before: i64, most: usize) -> Vec<InForce> {
        let mut state = self.lock();
        let due: Vec<InForce> = self
            .in_force()
            .iter()
            .filter(|r| r.created_at < created_before)
            .take(most)
            .cloned()
            .collect();
        state.sweeping = due.iter().map(|request| request.id.clone()).collect();
        due
    }

    /// Notes that requests are done, and how many entries and bytes each removed.
    pub(super) fn finish(&self, done: &[(String, u64, u64)], now: i64) -> Result<(), Error> {
        let mut state = self.lock();
        let mut value = state.kept.value().clone();
        for (id, entries, bytes) in done {
            if let Some(request) = value.requests.iter_mut().find(|request| request.id == *id) {
                request.status = DeleteStatus::Processed;
                request.entries_removed = *entries;
                request.bytes_removed = *bytes;
            }
        }
        let is_done = |request: &DeleteRequest| request.status == DeleteStatus::Processed;
        let mut surplus = value
            .requests
            .iter()
            .filter(|r| is_done(r))
            .count()
            .saturating_sub(DONE_REMEMBERED);
        value.requests.retain(|request| {
            let forgotten = is_done(request) && surplus > 0;
            surplus -= usize::from(forgotten);
            !forgotten
        });
        self.commit(&mut state.kept, value, now)?;
        state.sweeping.clear();
        let count = |counter: &AtomicU64, each: fn(&(String, u64, u64)) -> u64| {
            counter.fetch_add(done.iter().map(each).sum(), Ordering::Relaxed);
        };
        count(&self.counters.processed, |_| 1);
        count(&self.counters.entries_removed, |done| done.1);
        count(&self.counters.bytes_removed, |done| done.2);
        Ok(())
    }

    fn commit(&self, kept: &mut Document<Kept>, mut value: Kept, now: i64) -> Result<(), Error> {
        value.generation = now.max(value.generation.saturating_add(1));
        let in_force = in_force(&value, &self.in_force())?;
        kept.commit(value)?;
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = in_force;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one more request may wait beside those that do.
fn check_room(requests: &[DeleteRequest], query: &str) -> Result<(), Error> {
    let waiting = || requests.iter().filter(|r| r.status == DeleteStatus::Received);
    let (count, max) = (waiting().count() + 1, MAX_WAITING);
    let bytes = waiting().map(|request| request.query.len()).sum::<usize>() + query.len();
    let problem = if count > max {
        format!("too many delete requests wait to be carried out, count > limit ({count} > {max})")
    } else if bytes > MAX_WAITING_BYTES {
        format!("the delete requests that wait are too long together, bytes > limit ({bytes} > {MAX_WAITING_BYTES})")
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::LimitExceeded, problem))
}

/// The requests that are not done; those that are among `known` are not compiled again.
fn in_force(kept: &Kept, known: &[InForce]) -> Result<Arc<[InForce]>, Error> {
    let known: HashMap<&str, &InForce> = known.iter().map(|request| (request.id.as_str(), request)).collect();
    let received = kept
        .requests
        .iter()
        .filter(|request| request.status == DeleteStatus::Received);
    let compiled = received.map(|request| {
        if let Some(&known) = known.get(request.id.as_str()) {
            return Ok(known.clone());
        }
        let filter = DeleteFilter::compile(&request.query.parse()?, request.start, request.end)?;
        Ok(InForce {
            id: request.id.clone(),
            created_at: request.created_at,
            filter: Arc::new(filter),
        })
    });
    compiled.collect()
}

/// Eight hexadecimal digits that differ, as good as surely, where anything does.
fn id(texts: &[&str], numbers: &[i64]) -> String {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0xff);
    }
    numbers
        .iter()
        .for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    format!("{:08x}", xxhash_rust::xxh3::xxh3_64(&bytes) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: String, status: DeleteStatus) -> DeleteRequest {
        DeleteRequest {
            id: String::new(),
            query,
            start: 0,
            end: 1,
            created_at: 2,
            status,
            entries_removed: 0,
            bytes_removed: 0,
        }
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_done_does_not_count() {
        let short = |status| request("{}".to_owned(), status);
        let mut requests = vec![short(DeleteStatus::Received); MAX_WAITING - 1];
        requests.extend(vec![short(DeleteStatus::Processed); 10]);
        check_room(&requests, "{}").expect("one more");
        requests.push(short(DeleteStatus::Received));
        let error = check_room(&requests, "{}").expect_err("one too many");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        let text = "too many delete requests wait to be carried out, count > limit (10001 > 10000)";
        assert_eq!(error.message(), text);

        let long = [request("x".repeat(MAX_WAITING_BYTES - 2), DeleteStatus::Received)];
        check_room(&long, "{}").expect("just fits");
        let error = check_room(&long, "{ }").expect_err("too long together");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}
