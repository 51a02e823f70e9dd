//! What becomes of an item or a batch when its task has ended.

use std::time::Duration;

use tidemill_core::ports::StoreError;
use tidemill_core::{End, Fed, Usage, retry};

use crate::mill::{Finished, Mill, Task, subject_of};
use crate::ports::{now_micros, step};
use crate::probe::Step;
use crate::queue::{self, Message};
use crate::summary::{Ended, Event};
use crate::work::ShardEnd;

impl Mill {
    pub(crate) async fn finish(
        &mut self,
        finished: Result<Finished, tokio::task::JoinError>,
    ) -> Result<(), StoreError> {
        match finished {
            Ok(Finished { what: Task::Delivery(message, end), usage, wall, cpu }) => {
                let stage = message.stage.clone();
                let subject = message.item.object().map_or(&message.item.id, |object| &object.key).clone();
                self.settle(*message, Ended { stage, subject, end, count: 1, usage, wall, cpu }).await
            }
            Ok(Finished { what: Task::Shard(shard, fed, end), usage, wall, cpu }) => {
                let stage = self.lanes[self.shards[shard].lane].name.clone();
                let subject = self.shards[shard].source.name().to_owned();
                let ended = Ended { stage, subject, end: End::Done, count: 0, usage, wall, cpu };
                self.settle_shard(shard, fed, end, ended).await
            }
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(StoreError::Unavailable(format!("a task failed: {error}"))),
        }
    }

    async fn settle(&mut self, message: Message, ended: Ended) -> Result<(), StoreError> {
        let key = subject_of(&message);
        let (stage, subject) = (ended.stage.clone(), ended.subject.clone());
        match &ended.end {
            End::Unsettled(_) if self.shared.stop.is_set() => {}
            End::Again(reason) | End::Unsettled(reason) => {
                let mut item = message.item.clone();
                // Where nothing could be decided it is the same attempt again, a little later.
                let mut delay = Duration::from_secs(1);
                if let End::Again(_) = ended.end {
                    item.attempt += 1;
                    item.reason = Some(reason.clone());
                    delay = retry::delay(item.attempt, spread(&item.id));
                }
                self.observer.event(&Event::Waiting { stage, subject, reason: reason.clone(), delay });
                let due = now_micros() + i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
                let sent = move |connection: &_| queue::again(connection, &message, &item, due, now_micros());
                self.shared.state.call(sent).await?;
            }
            settled => {
                let outcome = match settled {
                    End::Done => "done",
                    End::Skipped(_) => "skipped",
                    End::Superseded => {
                        self.overtaken = true;
                        "superseded"
                    }
                    _ => "dead",
                };
                step(self.shared.probe.as_ref(), Step::Acknowledge(&stage))?;
                let acknowledged = move |connection: &_| queue::acknowledge(connection, &message, outcome);
                if self.shared.probe.is_some() {
                    self.shared.state.call(acknowledged).await?;
                    step(self.shared.probe.as_ref(), Step::Acknowledged(&stage))?;
                } else {
                    // If this is lost with the process, the item comes again and finds itself done.
                    self.shared.state.tell(acknowledged);
                }
                self.tell(&ended);
            }
        }
        if let Some(mut waiting) = self.busy.remove(&key)
            && let Some(next) = waiting.pop_front()
        {
            self.busy.insert(key, waiting);
            self.begin(next);
        }
        Ok(())
    }

    fn tell(&mut self, ended: &Ended) {
        if let Some(index) = self.lanes.iter().position(|lane| lane.name == ended.stage) {
            self.tallies[index].add(ended);
        }
        self.observer.event(&Event::Ended(ended.clone()));
    }

    async fn settle_shard(
        &mut self,
        index: usize,
        fed: Fed,
        end: ShardEnd,
        ended: Ended,
    ) -> Result<(), StoreError> {
        self.reading.remove(&index);
        let progress = fed.progress;
        let done = progress.done + progress.late + progress.duplicate;
        let stage = ended.stage.clone();
        if done + progress.dead > 0 {
            self.observer.event(&Event::Queued(done + progress.dead));
            let count = move |connection: &_| {
                queue::count(connection, &stage, "done", done)?;
                queue::count(connection, &stage, "dead", progress.dead)
            };
            self.shared.state.call(count).await?;
        }
        if done > 0 {
            self.tell(&Ended { count: done, ..ended.clone() });
        }
        let mut usage = if done > 0 { Usage::default() } else { ended.usage };
        for (position, reason) in fed.dead {
            let subject = format!("{}/{}", ended.subject, position.sequence);
            let (end, usage) = (End::Dead(reason), std::mem::take(&mut usage));
            self.tell(&Ended { subject, end, count: 1, usage, ..ended.clone() });
        }
        let (stage, subject) = (&ended.stage, &ended.subject);
        let place = format!("{stage} at {subject}: ");
        self.summary.blocked.retain(|blocked| !blocked.starts_with(&place));
        match end {
            ShardEnd::More if !self.shared.stop.is_set() => self.read_shard(index),
            ShardEnd::Blocked(reason) if !self.shared.stop.is_set() => {
                self.summary.blocked.push(place + &reason);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A number in 0..1 from an id, to spread repeats.
fn spread(id: &str) -> f64 {
    let digits = id.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0);
    f64::from(digits) / f64::from(u32::MAX)
}
