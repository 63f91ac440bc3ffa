;; Answers `{}`, as it should.
