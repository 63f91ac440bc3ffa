;; Asks for more memory at its start than any description is given.
(memory $more 2000)
