package webhook

// MaxBytes is for tests.
const MaxBytes = maxBytes
