;; Never ends.
(func $handle (loop $again (br $again)))
