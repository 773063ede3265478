//! What a detector makes of one message: bytes of a flow batch in, bytes of the judged batch out. Nothing is remembered from one to the
//! next, so a detector may be killed at any time and another do its work again, with the same result.

use detect::Ensemble;
use evaluate::MeasuredFlow;
use record::wire::message::{Member, Verdict};
use record::wire::{FlowBatch, JudgedBatch, Message, SCHEMA, Versioned, WireError};

/// The models that judge, and what names them.
pub struct Models<'a> {
    /// None while there are none.
    pub ensemble: Option<&'a Ensemble>,
    /// SHA-256 of their file.
    pub digest: &'a str,
}

/// Judges a batch; the count is that of its flows.
pub fn judge(bytes: Vec<u8>, models: &Models, detector: &str) -> Result<(JudgedBatch, usize), WireError> {
    let batch = FlowBatch::read(&bytes)?;
    let count = batch.flows.len();
    let flows = models.ensemble.map(|ensemble| {
        let flows: Vec<MeasuredFlow> = batch.flows.into_iter().map(measured).collect();
        evaluate::score(ensemble, &flows)
    });
    let verdicts = flows.into_iter().flatten().map(|verdict| Verdict::of(verdict.as_ref())).collect();
    let models = models.ensemble.map_or("", |_| models.digest).to_owned();
    Ok((JudgedBatch { schema: SCHEMA, batch: bytes, verdicts, detector: detector.to_owned(), models }, count))
}

/// A flow of a message with what the packet level said of it.
pub fn measured(mut flow: record::wire::message::Flow) -> MeasuredFlow {
    let members = std::mem::take(&mut flow.members).into_iter().map(Member::into_score).collect();
    MeasuredFlow { record: Box::new(flow.into_record()), members }
}

/// The bytes of a judged batch; where they are more than a message may have, the verdicts come without members and reasons.
pub fn judged_bytes(mut judged: JudgedBatch, most: usize) -> Vec<u8> {
    if judged.encoded_len() > most {
        for verdict in &mut judged.verdicts {
            verdict.members.clear();
            verdict.why.clear();
        }
    }
    bytes(&judged)
}

/// Bytes of a message.
pub fn bytes(message: &impl Message) -> Vec<u8> {
    message.encode_to_vec()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use record::wire::message::Flow;

    #[test]
    fn without_models_a_batch_goes_on_as_it_came() {
        let flow = Flow { flow_id: 5, ..Flow::default() };
        let batch = FlowBatch { schema: SCHEMA, sensor: "a".into(), flows: vec![flow], ..FlowBatch::default() };
        let models = Models { ensemble: None, digest: "" };
        let (judged, count) = judge(bytes(&batch), &models, "d").unwrap();
        assert_eq!((count, judged.batch.clone(), judged.verdicts.len()), (1, bytes(&batch), 0));
        let long = Verdict { members: vec![Member::default(); 1_000], judged: true, ..Verdict::default() };
        let heavy = JudgedBatch { verdicts: vec![long], ..judged.clone() };
        assert!(judged_bytes(heavy.clone(), 1 << 20).len() > 1_000);
        let light = JudgedBatch::decode(&judged_bytes(heavy, 500)[..]).unwrap();
        assert!(light.verdicts[0].judged && light.verdicts[0].members.is_empty());
        assert_eq!(judge(vec![1, 2, 3], &models, "d").err(), Some(WireError::Damaged));
        let newer = bytes(&FlowBatch { schema: SCHEMA + 1, ..batch });
        assert_eq!(judge(newer, &models, "d").err(), Some(WireError::Newer(SCHEMA + 1)));
    }
}
