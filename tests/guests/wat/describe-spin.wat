;; Never says what it is.
(func $describe (loop $again (br $again)))
