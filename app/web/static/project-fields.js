// The fields of a project's rules, which its form and its page share.

import { numberIn } from "./form.js";

/** Parts of the pool mean something under one policy only. */
export function wirePolicy({ elements: of }) {
  const follow = () => {
    of.subsets.disabled = of.policy.value !== "disjoint";
    document.getElementById("subsets-field").hidden = of.subsets.disabled;
  };
  of.policy.addEventListener("change", follow);
  follow();
}

export const rulesIn = ({ elements: of }) => ({
  policy: of.policy.value,
  ...(of.subsets.disabled ? {} : { subsets: numberIn(of.subsets) }),
  threshold: numberIn(of.threshold),
  test_percent: numberIn(of.test_percent),
  most_tests: numberIn(of.most_tests),
  least_train: numberIn(of.least_train),
});
