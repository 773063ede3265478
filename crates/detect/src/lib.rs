//! Models, behaviour detectors, calibration, ensemble, explanation, artifacts.
