// The organization at the head of the rail, or nothing that is seen: every page follows the look of its organization.

import { BrandLogo, followsBrand } from "brand";

export default {
  mixins: [followsBrand],
  components: { UBrandLogo: BrandLogo },
  template: `
    <a v-if="shown" class="u-rail__brand" href="/">
      <u-brand-logo :logo="brand.header_logo" :name="brand.name" />
      <template v-if="!brand.header_logo.light">
        <i class="q-icon material-icons notranslate" aria-hidden="true">hub</i><span>{{ brand.name }}</span>
      </template>
    </a>
    <span v-else hidden></span>`,
  props: { shown: Boolean },
};
